#include "batch/site.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <regex>
#include <utility>

#include "config/key_values.h"
#include "config/slurm_units.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace trainyard::batch {
namespace {

constexpr std::uint64_t kMaxFileBytes = 1 << 20;

using Setter = std::function<void(SiteProfile&, const std::string&)>;

[[noreturn]] void refuse(std::string_view value, std::string_view allowed) {
  throw core::UsageError(fmt::format("'{}' is not allowed: {}", value, allowed));
}

Setter text(std::string SiteProfile::*field) {
  return [field](SiteProfile& site, const std::string& value) { site.*field = value; };
}

Setter words(std::vector<std::string> SiteProfile::*field) {
  return [field](SiteProfile& site, const std::string& value) {
    const auto parts = core::split_words(value);
    (site.*field).assign(parts.begin(), parts.end());
  };
}

Setter flag(bool SiteProfile::*field) {
  return [field](SiteProfile& site, const std::string& value) {
    if (value != "true" && value != "false") refuse(value, "true|false");
    site.*field = value == "true";
  };
}

Setter count(int SiteProfile::*field) {
  return [field](SiteProfile& site, const std::string& value) {
    const auto number = core::parse_int64(value);
    if (!number || *number < 1 || *number > 100'000) refuse(value, "1 to 100000");
    site.*field = static_cast<int>(*number);
  };
}

template <typename Enum>
Setter choice(Enum SiteProfile::*field, std::vector<std::pair<std::string, Enum>> names) {
  return [field, names](SiteProfile& site, const std::string& value) {
    const auto found = std::ranges::find(names, value, [](const auto& entry) { return entry.first; });
    if (found == names.end()) {
      std::vector<std::string> allowed;
      for (const auto& entry : names)
        allowed.push_back(entry.first);
      refuse(value, fmt::format("{}", fmt::join(allowed, "|")));
    }
    site.*field = found->second;
  };
}

void set_account_pattern(SiteProfile& site, const std::string& value) {
  try {
    const std::regex compiled(value);
  } catch (const std::regex_error&) {
    refuse(value, "a regular expression");
  }
  site.account_pattern = value;
}

/// A name that `"${NAME:-}"` in a script reads as a variable.
void set_scratch_variable(SiteProfile& site, const std::string& value) {
  static const std::regex name("[A-Za-z_][A-Za-z0-9_]*");
  if (!std::regex_match(value, name)) refuse(value, "the name of an environment variable, without $");
  site.scratch_variable = value;
}

const std::vector<std::pair<std::string, Setter>>& setters() {
  using S = SiteProfile;
  static const std::vector<std::pair<std::string, Setter>> table = {
      {"title", text(&S::title)},
      {"slurm", flag(&S::slurm)},
      {"launcher",
       choice(&S::launcher,
              {{"auto", LauncherKind::kAuto}, {"srun", LauncherKind::kSrun}, {"mpirun", LauncherKind::kMpirun}})},
      {"gpu-request",
       choice(&S::gpu_request, {{"gres", GpuRequestStyle::kGres}, {"typed-gres", GpuRequestStyle::kTypedGres}})},
      {"partition", text(&S::partition)},
      {"account-required", flag(&S::account_required)},
      {"account-form", text(&S::account_form)},
      {"account-pattern", set_account_pattern},
      {"constraints", words(&S::constraints)},
      {"modules", words(&S::modules)},
      {"scratch-variable", set_scratch_variable},
      {"max-gpus-per-node", count(&S::max_gpus_per_node)},
      {"max-cpus-per-node", count(&S::max_cpus_per_node)},
      {"max-memory-per-node",
       [](SiteProfile& site, const std::string& value) { site.max_memory_mib = config::parse_memory_mib(value); }},
      {"max-time", [](SiteProfile& site, const std::string& value) { site.max_time_s = config::parse_time_s(value); }},
  };
  return table;
}

std::string key_suggestion(const std::string& key) {
  std::vector<std::string> keys;
  for (const auto& entry : setters())
    keys.push_back(entry.first);
  const auto near = core::nearest(key, std::span<const std::string>(keys));
  return near ? fmt::format(" (did you mean {}?)", *near) : std::string();
}

}  // namespace

SiteProfile read_site(const std::filesystem::path& file) {
  SiteProfile site;
  site.name = file.stem().string();
  std::string content;
  try {
    content = core::read_file(file, kMaxFileBytes);
  } catch (const core::Error& error) {
    throw core::UsageError(error.what());
  }
  for (const config::KeyValue& entry : config::read_key_values(content, file.string()).entries) {
    const auto found = std::ranges::find(setters(), entry.key, [](const auto& setter) { return setter.first; });
    if (found == setters().end()) {
      throw core::UsageError(
          fmt::format("{}:{}: unknown key {}{}", file.string(), entry.line, entry.key, key_suggestion(entry.key)));
    }
    try {
      found->second(site, entry.value);
    } catch (const core::UsageError& error) {
      throw core::UsageError(fmt::format("{}:{}: {}: {}", file.string(), entry.line, entry.key, error.what()));
    }
  }
  return site;
}

SiteProfile find_site(const std::filesystem::path& folder, std::string_view name) {
  std::vector<std::string> known;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".cfg") known.push_back(entry.path().stem().string());
  }
  if (error) throw core::Error(fmt::format("{}: cannot read the site profiles: {}", folder.string(), error.message()));
  std::ranges::sort(known);
  // Compared with the folder's entries, not put into a path: a name with / in it is unknown, not another file.
  if (std::ranges::find(known, name) == known.end()) {
    const auto near = core::nearest(name, std::span<const std::string>(known));
    throw core::UsageError(fmt::format("--site {}: unknown site{}: {} has {}; a new one is one more file there", name,
                                       near ? fmt::format(" (did you mean {}?)", *near) : std::string(),
                                       folder.string(), fmt::join(known, ", ")));
  }
  return read_site(folder / (std::string(name) + ".cfg"));
}

}  // namespace trainyard::batch

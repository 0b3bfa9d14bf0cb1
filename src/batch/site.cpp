#include "batch/site.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <regex>
#include <set>
#include <span>
#include <utility>

#include "config/key_values.h"
#include "config/slurm_units.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace trainyard::batch {
namespace {

constexpr std::uint64_t kMaxFileBytes = 1 << 20;
constexpr std::int64_t kMaxCount = 1'000'000;
constexpr std::string_view kLocal = ".local";

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
    if (!number || *number < 1 || *number > kMaxCount) refuse(value, fmt::format("1 to {}", kMaxCount));
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

/// `node = h200 gpus:8 cpus:128 memory:2048G`: the kind and what one node of it has.
void add_node_kind(SiteProfile& site, const std::string& value) {
  constexpr std::string_view kForm = "KIND gpus:N cpus:N memory:SIZE";
  const auto parts = core::split_words(value);
  if (parts.size() != 4 || parts[0].find(':') != std::string_view::npos) refuse(value, kForm);
  NodeKind kind;
  kind.name = parts[0];
  const auto number = [&](std::string_view part, std::string_view key, std::int64_t least) {
    const auto count = part.starts_with(key) ? core::parse_int64(part.substr(key.size())) : std::nullopt;
    if (!count || *count < least || *count > kMaxCount) refuse(value, kForm);
    return static_cast<int>(*count);
  };
  kind.gpus = number(parts[1], "gpus:", 0);
  kind.cpus = number(parts[2], "cpus:", 1);
  constexpr std::string_view kMemory = "memory:";
  if (!parts[3].starts_with(kMemory)) refuse(value, kForm);
  kind.memory_mib = config::parse_memory_mib(parts[3].substr(kMemory.size()));
  const auto same = [&kind](const NodeKind& other) { return other.name == kind.name; };
  if (std::ranges::any_of(site.nodes, same)) refuse(value, fmt::format("{} stands there already", kind.name));
  site.nodes.push_back(std::move(kind));
}

void set_account_pattern(SiteProfile& site, const std::string& value) {
  try {
    site.account_pattern = AccountPattern(value);
  } catch (const std::regex_error&) {
    refuse(value, "a regular expression");
  }
}

/// A file that --bind and --overlay can name: ':' and ',' would end it there.
Setter container_path(std::string ContainerProfile::*field) {
  return [field](SiteProfile& site, const std::string& value) {
    if (!value.starts_with('/') || value.find_first_of(":,") != std::string::npos) {
      refuse(value, "an absolute path without : and ,");
    }
    site.container.*field = value;
  };
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
      {"gpu-request", choice(&S::gpu_request, {{"gres", GpuRequestStyle::kGres},
                                               {"typed-gres", GpuRequestStyle::kTypedGres},
                                               {"partition", GpuRequestStyle::kPartition}})},
      {"partition", text(&S::partition)},
      {"account", text(&S::account)},
      {"account-required", flag(&S::account_required)},
      {"account-form", text(&S::account_form)},
      {"account-pattern", set_account_pattern},
      {"constraints", words(&S::constraints)},
      {"node", add_node_kind},
      {"module-paths", words(&S::module_paths)},
      {"modules", words(&S::modules)},
      {"container", container_path(&ContainerProfile::image)},
      {"container-overlay", container_path(&ContainerProfile::overlay)},
      {"container-command", [](SiteProfile& site, const std::string& value) { site.container.command = value; }},
      {"container-binds",
       [](SiteProfile& site, const std::string& value) {
         const auto parts = core::split_words(value);
         const auto is_bad = [](std::string_view part) {
           return !part.starts_with('/') || part.find(',') != part.npos;
         };
         if (std::ranges::any_of(parts, is_bad)) refuse(value, "absolute paths without commas, with spaces between");
         site.container.binds.assign(parts.begin(), parts.end());
       }},
      {"scratch-variable", set_scratch_variable},
      {"max-gpus-per-node", count(&S::max_gpus_per_node)},
      {"max-cpus-per-node", count(&S::max_cpus_per_node)},
      {"max-memory-per-node",
       [](SiteProfile& site, const std::string& value) { site.max_memory_mib = config::parse_memory_mib(value); }},
      {"max-time", [](SiteProfile& site, const std::string& value) { site.max_time_s = config::parse_time_s(value); }},
      {"max-nodes", count(&S::max_nodes)},
      {"max-gpus", count(&S::max_gpus)},
      {"max-array-size", count(&S::max_array_size)},
      {"array-throttle", count(&S::array_throttle)},
      {"max-jobs", count(&S::max_jobs)},
      {"doctor", flag(&S::doctor)},
      {"always-requeue", flag(&S::always_requeue)},
      {"requeue-comment", text(&S::requeue_comment)},
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

void read_site(const std::filesystem::path& file, SiteProfile& site) {
  const bool is_local = file.stem().extension() == kLocal;
  std::string content;
  try {
    content = core::read_file(file, kMaxFileBytes);
  } catch (const core::Error& error) {
    throw core::UsageError(error.what());
  }
  for (const config::KeyValue& entry : config::read_key_values(content, file.string(), {"node"}).entries) {
    const auto found = std::ranges::find(setters(), entry.key, [](const auto& setter) { return setter.first; });
    if (found == setters().end()) {
      throw core::UsageError(
          fmt::format("{}:{}: unknown key {}{}", file.string(), entry.line, entry.key, key_suggestion(entry.key)));
    }
    if (entry.key == "account" && !is_local) {
      throw core::UsageError(
          fmt::format("{}:{}: account: is yours and not the site's: write it into {}{}.cfg, which "
                      "git ignores",
                      file.string(), entry.line, site.name, kLocal));
    }
    try {
      found->second(site, entry.value);
    } catch (const core::UsageError& error) {
      throw core::UsageError(fmt::format("{}:{}: {}: {}", file.string(), entry.line, entry.key, error.what()));
    }
  }
}

SiteProfile find_site(const std::filesystem::path& folder, std::string_view name) {
  std::set<std::string> known;  // sorted
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".cfg") continue;
    const std::filesystem::path stem = entry.path().stem();
    known.insert((stem.extension() == kLocal ? stem.stem() : stem).string());
  }
  if (error) throw core::Error(fmt::format("{}: cannot read the site profiles: {}", folder.string(), error.message()));
  // Compared with the folder's entries, not put into a path: a name with / in it is unknown, not another file.
  if (!known.contains(std::string(name))) {
    const std::vector<std::string> names(known.begin(), known.end());
    const auto near = core::nearest(name, std::span<const std::string>(names));
    throw core::UsageError(fmt::format("--site {}: unknown site{}: {} has {}; a new one is one more file there", name,
                                       near ? fmt::format(" (did you mean {}?)", *near) : std::string(),
                                       folder.string(), fmt::join(names, ", ")));
  }
  SiteProfile site;
  site.name = name;
  const std::filesystem::path committed = folder / fmt::format("{}.cfg", name);
  const std::filesystem::path local = folder / fmt::format("{}{}.cfg", name, kLocal);
  const bool has_local = std::filesystem::exists(local, error);
  if (has_local && name == kDefaultSite) {
    throw core::UsageError(
        fmt::format("{}: the files of site {} are committed, so it takes nothing of your own: call "
                    "this file after a site of yours, and use --site",
                    local.string(), name));
  }
  if (std::filesystem::exists(committed, error)) read_site(committed, site);
  if (has_local) read_site(local, site);
  return site;
}

}  // namespace trainyard::batch

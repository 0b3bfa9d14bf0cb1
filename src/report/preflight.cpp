#include "report/preflight.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/file.h"
#include "report/format.h"

namespace trainyard::report {
namespace {

constexpr std::uint64_t kMaxFileBytes = 16 << 20;
constexpr double kMostBytes = 1e15;  // of an all-reduce, and a second

void add_finding(Preflight& preflight, const nlohmann::json& finding) {
  const std::string level = finding.at("level");
  const bool is_error = level == "error";
  if (!is_error && level != "warning") return;
  std::int64_t& count = is_error ? preflight.errors : preflight.warnings;
  const bool is_worst = is_error ? count == 0 : count == 0 && preflight.errors == 0;
  ++count;
  if (!is_worst) return;
  preflight.worst =
      clean_text(fmt::format("{}, {}: {}", finding.at("check").get<std::string>(),
                             finding.at("where").get<std::string>(), finding.at("text").get<std::string>()));
}

Preflight parse(const std::string& text) {
  const nlohmann::json document = nlohmann::json::parse(text);
  if (document.at("schema") != "trainyard-doctor/1") throw core::Error("its schema is not trainyard-doctor/1");
  Preflight preflight;
  preflight.job = clean_text(document.at("job").get<std::string>());
  preflight.ranks = document.at("ranks");
  preflight.nodes = document.at("nodes");
  preflight.backend = clean_text(document.at("backend").get<std::string>());
  for (const nlohmann::json& finding : document.at("findings"))
    add_finding(preflight, finding);
  for (const nlohmann::json& point : document.at("all_reduce")) {
    const SweptSize size{point.at("bytes").get<double>(), point.at("busbw_gbps").get<double>() * 1e9};
    const double least = preflight.sweep.empty() ? 0 : preflight.sweep.back().bytes;
    if (!(size.bytes > least && size.bytes < kMostBytes && size.bus_bandwidth > 0 && size.bus_bandwidth < kMostBytes))
      throw core::Error("its sweep holds what cannot be");
    preflight.sweep.push_back(size);
  }
  return preflight;
}

}  // namespace

bool is_preflight_name(std::string_view name) {
  return name.starts_with("doctor-") && name.ends_with(".json");
}

Preflight read_preflight(const std::filesystem::path& file) {
  const std::string text = core::read_file(file, kMaxFileBytes);
  try {
    return parse(text);
  } catch (const std::exception& error) {
    throw core::Error(fmt::format("{}: is not of tools/doctor: {}", file.string(), error.what()));
  }
}

}  // namespace trainyard::report

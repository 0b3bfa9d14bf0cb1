#include "doctor/finding.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/text.h"

namespace trainyard::doctor {

namespace {

constexpr std::string_view kAllReduce = "all-reduce";

}  // namespace

std::string_view name_of(Level level) {
  switch (level) {
    case Level::kOk:
      return "ok";
    case Level::kWarning:
      return "warning";
    case Level::kError:
      return "error";
  }
  return "";
}

int count(const Diagnosis& diagnosis, Level level) {
  return static_cast<int>(std::ranges::count(diagnosis.findings, level, &Finding::level));
}

std::string to_table(const Diagnosis& diagnosis) {
  std::size_t check_width = diagnosis.sweep.empty() ? 0 : kAllReduce.size();
  std::size_t where_width = 0;
  for (const Finding& finding : diagnosis.findings) {
    check_width = std::max(check_width, finding.check.size());
    where_width = std::max(where_width, finding.where.size());
  }
  std::string text;
  for (const Finding& finding : diagnosis.findings) {
    text += fmt::format("{:<{}}  {:<{}}  {:<7}  {}\n", finding.check, check_width, finding.where, where_width,
                        name_of(finding.level), finding.text);
  }
  for (const SweepPoint& point : diagnosis.sweep) {
    text += fmt::format("{:<{}}  {:<{}}  {:<7}  {}: {:.0f} us, {:.2f} GB/s bus bandwidth\n", kAllReduce, check_width,
                        "all", where_width, "ok", core::format_bytes(static_cast<std::uint64_t>(point.bytes)),
                        point.time_us, point.busbw_gbps);
  }
  text += fmt::format("{} rank{} on {} node{}, {}: {} errors, {} warnings\n", diagnosis.ranks,
                      diagnosis.ranks == 1 ? "" : "s", diagnosis.nodes, diagnosis.nodes == 1 ? "" : "s",
                      diagnosis.backend, count(diagnosis, Level::kError), count(diagnosis, Level::kWarning));
  return text;
}

std::string to_json(const Diagnosis& diagnosis) {
  nlohmann::json findings = nlohmann::json::array();
  for (const Finding& finding : diagnosis.findings) {
    findings.push_back({{"check", finding.check},
                        {"where", finding.where},
                        {"level", name_of(finding.level)},
                        {"text", finding.text}});
  }
  nlohmann::json sweep = nlohmann::json::array();
  for (const SweepPoint& point : diagnosis.sweep) {
    sweep.push_back({{"bytes", point.bytes}, {"time_us", point.time_us}, {"busbw_gbps", point.busbw_gbps}});
  }
  const nlohmann::json document{
      {"schema", "trainyard-doctor/1"}, {"job", diagnosis.job}, {"ranks", diagnosis.ranks}, {"nodes", diagnosis.nodes},
      {"backend", diagnosis.backend},   {"findings", findings}, {"all_reduce", sweep}};
  // Names of hosts and folders may hold any bytes.
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace trainyard::doctor

#include "training/agreement.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "comm/values.h"
#include "core/error.h"
#include "core/signals.h"

namespace trainyard::training {
namespace {

/// First character: the exit code, or S for kStoppedStatus. What follows: node, line break, message.
std::string attempt(const std::string& node, const std::function<void()>& body) {
  try {
    body();
    return "0";
  } catch (const core::Stopped& error) {
    return fmt::format("S{}\n{}", node, error.what());
  } catch (const core::UsageError& error) {
    return fmt::format("2{}\n{}", node, error.what());
  } catch (const std::exception& error) {
    return fmt::format("1{}\n{}", node, error.what());
  }
}

}  // namespace

Outcome agree(const comm::World& world, const std::function<void()>& body) {
  const std::vector<std::string> reports = comm::all_gather(*world.control, attempt(world.node, body));
  const auto failed = std::ranges::find_if(reports, [](const std::string& report) { return report.front() != '0'; });
  if (failed == reports.end()) return {};
  const std::size_t line_end = failed->find('\n');
  const std::string message = failed->substr(line_end + 1);
  const bool everywhere = std::ranges::all_of(reports, [&](const std::string& report) {
    return report.front() == failed->front() &&
           report.substr(std::min(report.size(), report.find('\n') + 1)) == message;
  });
  Outcome outcome{failed->front() == 'S' ? core::kStoppedStatus : failed->front() - '0', message};
  if (!everywhere) {
    outcome.message =
        fmt::format("[rank {} {}] {}", failed - reports.begin(), failed->substr(1, line_end - 1), message);
  }
  return outcome;
}

}  // namespace trainyard::training

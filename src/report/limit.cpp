#include "report/limit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/text.h"
#include "report/config_text.h"
#include "report/format.h"
#include "report/summary.h"

namespace trainyard::report {
namespace {

constexpr double kWorthNaming = 0.10;

std::string duration(double ns) {
  return core::format_duration_ns(std::llround(ns));
}

std::string_view title_of(Phase phase) {
  return kPhases[static_cast<std::size_t>(phase)].title;
}

const char* host_word(const Straggler& straggler) {
  return straggler.node.empty() ? "" : " on ";
}

std::string persistent_sentence(const RunSummary& run, const Straggler& worst, std::int64_t persistent) {
  std::string text =
      fmt::format("Rank {}{}{} limits it: in {} of the steps it is late by {} ({} of a step), in {}", worst.rank,
                  host_word(worst), worst.node, format_percent(worst.late_share), duration(worst.late_ns),
                  format_percent(worst.late_ns / run.step_mean_ns), title_of(worst.cause));
  if (persistent > 1) text += fmt::format("; {} more ranks are late likewise", persistent - 1);
  return text + "; the others wait for it in communication.";
}

std::string wandering_sentence(const RunSummary& run) {
  const Balance& balance = run.balance;
  return fmt::format(
      "Delays that wander limit it: in {} of the steps some rank, not always the same, is late by {} on average ({} of "
      "a "
      "step), mostly in {}, and the others wait for it.",
      format_percent(balance.wandering_share), duration(balance.wandering_ns),
      format_percent(balance.wandering_ns / run.step_mean_ns), title_of(balance.stragglers.front().cause));
}

std::string communication_words(const RunSummary& run) {
  if (run.comm_ns <= 0 || !communicates(run)) return "";
  return fmt::format("; of {} of communication a step {} is hidden behind computing", duration(run.comm_ns),
                     format_percent(run.hidden_comm_ns() / run.comm_ns));
}

std::string phase_sentence(const RunSummary& run, Phase phase) {
  const std::string share = format_percent(run.share(phase));
  const ConfigText config = parse_config_text(run.attributes.config);
  switch (phase) {
    case Phase::kData: {
      const std::string workers = config_value(config, "workers");
      return fmt::format("Loading limits it: a step waits for data {} of its time{}.", share,
                         workers.empty() ? "" : fmt::format(" with workers = {}", workers));
    }
    case Phase::kTransfer:
      return fmt::format("Copying batches to the device limits it: {} of a step.", share);
    case Phase::kExposedComm:
      return fmt::format("Communication limits it: computing waits for it {} of a step{}.", share,
                         communication_words(run));
    case Phase::kIdle:
      return fmt::format("Waiting for other stages of the pipeline limits it: {} of a step{}.", share,
                         run.predicted_bubble ? fmt::format(", where its schedule predicts a bubble of {}",
                                                            format_percent(*run.predicted_bubble))
                                              : "");
    case Phase::kOptimizer:
      return fmt::format("The optimizer limits it: {} of a step.", share);
    default:
      return fmt::format("Time that no phase accounts for limits it: {} of a step.", share);
  }
}

Limit largest_limit(const RunSummary& run) {
  if (run.measured_steps == 0) return {"unknown", "There is no step to judge by."};
  double logged = 0;
  for (const double phase_ns : run.phase_ns)
    logged += phase_ns;
  if (run.step_mean_ns <= 0 || logged <= 0) {
    return {"unknown", "What limits it cannot be said: its log has no phases."};
  }
  constexpr std::array kAvoidable{Phase::kData, Phase::kTransfer,  Phase::kExposedComm,
                                  Phase::kIdle, Phase::kOptimizer, Phase::kOther};
  const Phase largest = *std::max_element(kAvoidable.begin(), kAvoidable.end(),
                                          [&run](Phase a, Phase b) { return run.share(a) < run.share(b); });
  const double waits = run.share(Phase::kExposedComm);
  // what a delay costs the others is in their exposed communication; what is larger for all ranks alike goes first
  const auto explains = [&](double cost) {
    return cost >= kWorthNaming / 2 && cost >= waits / 2 &&
           (largest == Phase::kExposedComm || cost >= run.share(largest));
  };
  const std::vector<Straggler>& stragglers = run.balance.stragglers;
  const auto is_persistent = [](const Straggler& one) { return one.persistent; };
  const auto persistent = std::count_if(stragglers.begin(), stragglers.end(), is_persistent);
  if (persistent > 0) {
    const Straggler& worst = *std::find_if(stragglers.begin(), stragglers.end(), is_persistent);
    if (explains(worst.cost)) return {"straggler", persistent_sentence(run, worst, persistent)};
  }
  const double wandering = run.balance.wandering_share * run.balance.wandering_ns / run.step_mean_ns;
  if (!stragglers.empty() && persistent == 0 && explains(wandering))
    return {"wandering-delays", wandering_sentence(run)};
  if (run.share(largest) >= kWorthNaming) {
    return {std::string(kPhases[static_cast<std::size_t>(largest)].id), phase_sentence(run, largest)};
  }
  return {"compute", fmt::format("Computing limits it: forward and backward are {} of a step{}.",
                                 format_percent(run.share(Phase::kForward) + run.share(Phase::kBackward)),
                                 communication_words(run))};
}

}  // namespace

Limit limit_of(const RunSummary& run) {
  Limit limit = largest_limit(run);
  const std::string computing = words(run.utilization);
  if (limit.id != "unknown" && !computing.empty()) limit.sentence.insert(limit.sentence.size() - 1, "; " + computing);
  return limit;
}

}  // namespace trainyard::report

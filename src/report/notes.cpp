#include "report/notes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "core/text.h"
#include "report/assemble.h"
#include "report/format.h"

namespace trainyard::report {
namespace {

void store_completeness(const Start& latest, RunSummary& summary) {
  std::vector<std::int64_t> open_ranks;
  for (const RankLog& log : latest.ranks) {
    if (!log.complete) open_ranks.push_back(log.attributes.rank);
  }
  const bool missing = summary.ranks_present < summary.ranks;
  summary.complete = open_ranks.empty() && !missing;
  summary.status = summary.complete ? "complete" : "incomplete";
  if (!open_ranks.empty()) {
    summary.notes.push_back(fmt::format("Not complete: {} {} did not end cleanly (killed, failed, or still running).",
                                        open_ranks.size() == 1 ? "rank" : "ranks", format_ranges(open_ranks)));
  }
  if (missing) {
    summary.notes.push_back(
        fmt::format("Logs of {} of {} ranks are missing or without steps: figures are of the others, "
                    "and this run takes no part in scaling.",
                    summary.ranks - summary.ranks_present, summary.ranks));
  }
}

void note_restarts(const Run& run, const Stitched& stitched, RunSummary& summary) {
  if (run.starts.size() < 2) return;
  std::vector<std::int64_t> numbers;
  bool as_latest = true;
  for (const Start& start : run.starts) {
    numbers.push_back(start.restart);
    as_latest = as_latest && same_speed(start, run.starts.back());
  }
  std::string note = fmt::format("Restarts {} are joined; {} {} done again after a restart.", format_ranges(numbers),
                                 stitched.lost, stitched.lost == 1 ? "step was" : "steps were");
  if (!as_latest) note += " Times come only from the starts that ran as the latest one did.";
  summary.notes.push_back(std::move(note));
}

void note_bubble(RunSummary& summary) {
  if (!summary.bubble) return;
  summary.notes.push_back(
      fmt::format("Pipeline bubble: {} of forward, backward and idle time measured, {} predicted from the schedule and "
                  "the cost of each part.",
                  format_percent(*summary.bubble), format_percent(*summary.predicted_bubble)));
}

void note_warnings(const Start& latest, RunSummary& summary) {
  constexpr std::size_t kMostWarnings = 12;
  std::set<std::string> said;
  for (const RankLog& log : latest.ranks) {
    for (const std::string_view line : core::split(log.attributes.warnings, '\n')) {
      std::string warning = clean_text(core::trim(line));
      if (warning.empty() || !said.insert(warning).second || said.size() > kMostWarnings) continue;
      summary.notes.push_back(fmt::format("Warning of rank {}: {}", log.attributes.rank, warning));
    }
  }
  if (said.size() > kMostWarnings) {
    summary.notes.push_back(fmt::format("{} more warnings are in its logs.", said.size() - kMostWarnings));
  }
}

void note_identities(RunSummary& summary) {
  if (summary.step_mean_ns <= 0) return;
  double sum = 0;
  for (const double phase_ns : summary.phase_ns)
    sum += phase_ns;
  if (std::abs(sum / summary.step_mean_ns - 1) > 0.01) {
    summary.notes.push_back(fmt::format("The phases add up to {} of the steps: the log does not keep its own identity.",
                                        format_percent(sum / summary.step_mean_ns)));
  }
  if (summary.share(Phase::kOther) > 0.02) {
    summary.notes.push_back(fmt::format("{} of a step is not accounted for by any phase (other).",
                                        format_percent(summary.share(Phase::kOther))));
  }
}

}  // namespace

void store_notes(const Run& run, const Stitched& stitched, std::int64_t losses_not_finite, RunSummary& summary) {
  const Start& latest = run.starts.back();
  store_completeness(latest, summary);
  if (!summary.attributes.precision_note.empty()) {
    summary.notes.push_back(
        fmt::format("Precision {}: {}", summary.attributes.precision, summary.attributes.precision_note));
  }
  note_restarts(run, stitched, summary);
  if (summary.measured_steps == 0) summary.notes.push_back("No step that all its ranks logged: nothing to measure.");
  if (losses_not_finite > 0) {
    summary.notes.push_back(fmt::format("{} of {} steps have no finite loss: they are not in the loss curve.",
                                        losses_not_finite, summary.steps));
  }
  note_bubble(summary);
  note_identities(summary);
  note_warnings(latest, summary);
}

}  // namespace trainyard::report

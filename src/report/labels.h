#pragma once

#include <map>
#include <string>
#include <vector>

namespace trainyard::report {

/// Short unique names: the run's own, with its job where several have the same, with its folder where that is not
/// enough. Summary: has a label, the attributes of its log, and a folder.
template <class Summary>
void make_labels(std::vector<Summary>& runs) {
  const auto tell_apart = [&runs](auto longer) {
    std::map<std::string, int> uses;
    for (const Summary& run : runs)
      ++uses[run.label];
    for (Summary& run : runs) {
      if (uses[run.label] > 1) run.label = longer(run);
    }
  };
  tell_apart([](const Summary& run) { return run.attributes.run + "/" + run.attributes.job_id; });
  tell_apart([](const Summary& run) { return run.folder; });
}

}  // namespace trainyard::report

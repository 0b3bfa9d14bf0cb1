#include "config/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "config/parse.h"
#include "config/study_file.h"
#include "core/error.h"

namespace trainyard::config {
namespace {

constexpr std::size_t kMaxPoints = 100'000;

std::size_t product(const StudyFile& study) {
  std::size_t count = 1;
  for (const StudyAxis& axis : study.axes) {
    count *= axis.values.size();  // a line is bounded by the file's size: no overflow below the limit
    if (count > kMaxPoints) {
      throw core::UsageError(
          fmt::format("{}: has more than {} points: make it several studies", study.origin, kMaxPoints));
    }
  }
  return count;
}

bool fits(const std::vector<StudyCondition>& conditions, const RunConfig& config) {
  return std::ranges::all_of(conditions, [&](const StudyCondition& condition) {
    return std::ranges::find(condition.values, condition.option->get(config)) != condition.values.end();
  });
}

/// Makes the points of one study, one after the other.
class PointMaker {
 public:
  explicit PointMaker(const StudyFile& study) : study_(study) {
    for (const Option& option : option_table()) {
      if (!option.in_slurm_section() && study.varies(option)) varying_.push_back(&option);
    }
    name_pattern_ = study.name_pattern;
    if (!name_pattern_.empty()) return;
    name_pattern_ = study.name;
    for (const StudyAxis& axis : study.axes)
      name_pattern_ += fmt::format("_{{{}}}", axis.option->name());
  }

  /// The `index`-th combination, or none where it is skipped.
  std::optional<StudyPoint> make(std::size_t index) const {
    StudyPoint point;
    point.config = study_.base;
    choose(index, point);
    for (const auto& skip : study_.skips) {
      if (fits(skip, point.config)) return std::nullopt;
    }
    try {
      derive(point.config);
      point.config.name = fill_pattern(name_pattern_, point.config);
      if (!is_run_name(point.config.name)) {
        throw core::UsageError(fmt::format("its name would be '{}': a name may hold {}; set name in [study]",
                                           point.config.name, kRunNameForm));
      }
      validate(point.config);
    } catch (const core::UsageError& error) {
      throw core::UsageError(fmt::format("{}: point {}: {}", study_.origin, point.label, error.what()));
    }
    for (const Option* option : varying_) {
      point.arguments.push_back(fmt::format("--{}", option->name()));
      point.arguments.push_back(option->get(point.config));
    }
    point.arguments.insert(point.arguments.end(), {"--name", point.config.name});
    return point;
  }

 private:
  void choose(std::size_t index, StudyPoint& point) const {
    for (auto axis = study_.axes.rbegin(); axis != study_.axes.rend(); ++axis) {
      const std::string& value = axis->values[index % axis->values.size()];
      index /= axis->values.size();
      axis->option->set(point.config, value);
      const std::string word = fmt::format("{}:{}", axis->option->name(), value);
      point.label = point.label.empty() ? word : word + " " + point.label;
    }
    if (point.label.empty()) point.label = study_.name;
  }

  /// What follows from the values chosen. A rule wins over the key's own pattern.
  void derive(RunConfig& config) const {
    const RunConfig chosen = config;  // conditions speak of the file's values, whatever earlier rules have set
    std::vector<const Option*> ruled;
    for (const StudyRule& rule : study_.rules) {
      if (!fits(rule.conditions, chosen)) continue;
      for (const StudyPattern& assignment : rule.assignments) {
        assign(assignment, config);
        ruled.push_back(assignment.option);
      }
    }
    for (const StudyPattern& pattern : study_.patterns) {
      if (std::ranges::find(ruled, pattern.option) == ruled.end()) assign(pattern, config);
    }
  }

  void assign(const StudyPattern& assignment, RunConfig& config) const {
    try {
      assignment.option->set(config, fill_pattern(assignment.pattern, config));
    } catch (const core::UsageError& error) {
      throw core::UsageError(fmt::format("line {}: {}: {}", assignment.line, assignment.option->name(), error.what()));
    }
  }

  const StudyFile& study_;
  std::vector<const Option*> varying_;  ///< that a trainer must be given
  std::string name_pattern_;
};

}  // namespace

Study expand_study(const ConfigFile& file) {
  const StudyFile read = read_study(file);
  const PointMaker maker(read);
  Study study;
  study.name = read.name;
  study.array = read.array;
  study.collect = read.collect;
  study.throttle = read.throttle;
  study.of_inference = read.base.inference.has_value();
  const std::size_t count = product(read);
  std::unordered_map<std::string, std::string> label_of;
  for (std::size_t index = 0; index < count; ++index) {
    std::optional<StudyPoint> point = maker.make(index);
    if (!point) continue;
    const auto [earlier, is_new] = label_of.emplace(point->config.name, point->label);
    if (!is_new) {
      throw core::UsageError(
          fmt::format("{}: points {} and {} would both be called {}: put what tells them apart into "
                      "name, as {{lr}}",
                      read.origin, earlier->second, point->label, point->config.name));
    }
    study.points.push_back(std::move(*point));
  }
  if (study.points.empty()) throw core::UsageError(fmt::format("{}: skip leaves no point", read.origin));
  return study;
}

std::pair<RunConfig, std::vector<const Option*>> decided_part(const ConfigFile& file) {
  const StudyFile study = read_study(file);
  std::pair<RunConfig, std::vector<const Option*>> result{study.base, {}};
  result.first.slurm.reset();
  for (const Option& option : option_table()) {
    if (!option.in_slurm_section() && study.varies(option)) result.second.push_back(&option);
  }
  return result;
}

}  // namespace trainyard::config

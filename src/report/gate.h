#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "report/report.h"

namespace trainyard::report {

/// What a run's figure should be. As in a file of references, one line a figure: [target, lower, upper, unit], the
/// bounds as shares of the target (-0.05 is five percent below) or null.
struct Reference {
  std::string run;     ///< its name, or its label in the report
  std::string figure;  ///< a column of the CSV report, or `phases.X`
  double target = 0;
  std::optional<double> lower;
  std::optional<double> upper;
  std::string unit;  ///< of target
};

/// A reference and what was measured.
struct Check {
  Reference reference;
  std::optional<double> value;  ///< in the reference's unit; the mean over the runs of that name
  bool passed = false;
  std::string message;  ///< one line
};

/// `{"runs": {RUN: {FIGURE: [target, lower, upper, unit], ...}, ...}}`. core::UsageError, which names the file and the
/// place, for anything else.
std::vector<Reference> read_references(const std::filesystem::path& path);

/// One check a reference, in order. A run or figure that is not there fails; core::UsageError for a figure that does
/// not exist or a unit that is not one of it.
std::vector<Check> check_against(const std::vector<Reference>& references, const Report& report);

Table check_table(const std::vector<Check>& checks);

/// The checks as JUnit's XML: a test case a figure, of the class RUN.
std::string to_junit(const std::vector<Check>& checks);

}  // namespace trainyard::report

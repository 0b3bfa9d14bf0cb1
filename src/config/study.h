#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config_file.h"

namespace trainyard::config {

/// The keys of the section [study], which makes a config file a study: one in which keys may hold several values,
/// separated by spaces. docs/studies.md is their reference.
inline constexpr std::array<std::string_view, 6> kStudyKeys{"name", "array", "collect", "throttle", "skip", "set"};

/// One run of a study: the combination of one value for each key.
struct StudyPoint {
  RunConfig config;  ///< named by the study's pattern, and validated
  /// What the program takes beside `--config STUDY` to run this point: `--key`, value, ..., `--name`, NAME.
  std::vector<std::string> arguments;
  std::string label;  ///< the values that tell it from the others, as a `skip` line names them: "model:resnet18 lr:0.1"
};

struct Study {
  std::string name;                ///< the file's stem
  bool array = false;              ///< points with the same request to Slurm are one job array
  bool collect = true;             ///< a job that merges the logs follows the last point
  int throttle = 0;                ///< array: tasks that run at a time; 0: as many as the site lets
  bool of_inference = false;       ///< for tools/infer
  std::vector<StudyPoint> points;  ///< the last key of the file changes fastest
};

/// All points of a study. Throws core::UsageError that names file and line of what the file says wrongly, or the point
/// whose combination cannot run, or two points of one name.
Study expand_study(const ConfigFile& file);

/// What all points of a study have in common, without its [slurm] section, which differs and which no trainer needs;
/// and the keys, of run or inference, that a command line must decide. The run's name is the file's.
std::pair<RunConfig, std::vector<const Option*>> decided_part(const ConfigFile& file);

}  // namespace trainyard::config

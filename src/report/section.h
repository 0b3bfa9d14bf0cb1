#pragma once

#include <string>
#include <vector>

#include "report/report.h"

namespace trainyard::report {

/// A part of the report as every writer for people shows it; plots are the HTML writer's own.
struct Section {
  std::string id;  ///< of letters and hyphens, unique
  std::string title;
  std::string lede;                 ///< one sentence; may be empty
  std::vector<std::string> points;  ///< a list of sentences
  std::vector<Table> tables;
  std::vector<std::string> notes;  ///< how to read it
};

/// Those that the report's runs have something for, in reading order.
std::vector<Section> sections_of(const Report& report);

}  // namespace trainyard::report

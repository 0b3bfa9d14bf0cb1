#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/report.h"

namespace trainyard::report {

/// Every plot is drawn twice: for a page as wide as a desk's and for a phone, so that its text is readable on both.
enum class Layout { kWide, kNarrow };

/// One entry of a legend: the class that colours it and its name.
struct LegendEntry {
  std::string css_class;
  std::string name;
};

struct Plot {
  std::string id;      ///< unique in the page
  std::string wide;    ///< SVG
  std::string narrow;  ///< SVG
  std::vector<LegendEntry> legend;

  bool empty() const { return wide.empty(); }
};

// Each is empty where the runs have nothing for it to show.
Plot phases_plot(const Report& report);
Plot throughput_plot(const Report& report);
Plot communication_plot(const Report& report);
Plot speedup_plot(const Report& report);
Plot loss_plot(const Report& report);
Plot accuracy_plot(const Report& report);

}  // namespace trainyard::report

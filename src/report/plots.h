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
Plot memory_plot(const Report& report);
Plot loss_plot(const Report& report);
Plot accuracy_plot(const Report& report);

/// The column that the table says is to be drawn, a bar a row, named by the columns left of it that tell rows apart.
Plot table_plot(const Table& table, const std::string& id);

/// A few steps of each rank, at most kTimelineRanks, behind the warm-up.
Plot timeline_plot(const RunSummary& run, const std::string& id);
/// What that picture shows in figures: mean phases of each rank over its steps.
Table timeline_table(const RunSummary& run);
inline constexpr std::size_t kTimelineRanks = 16;

/// How full the fullest rank was in each phase of a traced step, by category.
Plot memory_step_plot(const RunSummary& run, const std::string& id);
/// What that picture shows in figures.
Table memory_step_table(const RunSummary& run);

}  // namespace trainyard::report

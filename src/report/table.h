#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace trainyard::report {

/// How a column's values are shown to people. Machines (CSV, JSON) get the raw value in the unit that the column names.
enum class Format {
  kText,
  kCount,      ///< integer, thousands apart
  kRate,       ///< three significant figures or more, no exponent
  kDuration,   ///< nanoseconds, shown as us, ms, s, min or h
  kShare,      ///< 0..1, shown as percent with one decimal
  kFactor,     ///< shown as 1.93x
  kReal,       ///< four significant figures
  kBytes,      ///< shown with a binary unit
  kBandwidth,  ///< bytes per second, shown as GB/s (10^9)
  kFlops,      ///< floating-point operations, shown as MFLOP, GFLOP or TFLOP
  kFlopRate,   ///< the same a second
};

/// Nothing, where the logs do not say.
using Cell = std::variant<std::monostate, std::string, std::int64_t, double>;

struct Column {
  std::string id;     ///< machine name, with its unit: `step_median_ns`
  std::string title;  ///< for people, without the unit where the values show it
  Format format = Format::kText;
};

/// One table for every writer: text, HTML and CSV.
struct Table {
  std::string title;
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;  ///< each as long as `columns`
  std::string drawn{};                  ///< the column that a plot beside the table shows; empty: none
};

/// The cell as people read it; an en dash (or "-" without Unicode) for nothing and for values that are not finite.
std::string display(const Cell& cell, Format format, bool unicode = true);

/// True for every format that is a number, which is set flush right.
bool is_numeric(Format format);

/// The table as CSV (RFC 4180, `\n` line ends): a header of column ids, raw values. Text that a spreadsheet would run
/// as a formula (leading = + - @, tab) gets a leading apostrophe, since it may come from hostile logs.
std::string to_csv(const Table& table);

}  // namespace trainyard::report

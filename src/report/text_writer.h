#pragma once

#include <cstddef>
#include <string>

#include "report/report.h"

namespace trainyard::report {

struct TextStyle {
  std::size_t width = 0;  ///< columns of the terminal; 0: no limit, one line a row
  bool colour = false;
  bool unicode = true;
};

/// What standard output is fit for.
TextStyle style_of_stdout();

/// The report for a terminal. A table that is too wide goes on below itself, each part beginning with its first column.
std::string to_text(const Report& report, const TextStyle& style);

/// One table alone.
std::string to_text(const Table& table, const TextStyle& style);

}  // namespace trainyard::report

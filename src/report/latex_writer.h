#pragma once

#include <string>

#include "report/report.h"

namespace trainyard::report {

/// Every table of the report as a LaTeX table, to be put into a paper by \input; its first lines name the packages.
/// Text from logs is escaped, and what is not ASCII in it becomes a question mark.
std::string to_latex(const Report& report);

}  // namespace trainyard::report

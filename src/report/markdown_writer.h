#pragma once

#include <string>

#include "report/report.h"

namespace trainyard::report {

/// The report as Markdown with pipe tables; text from logs is escaped.
std::string to_markdown(const Report& report);

}  // namespace trainyard::report

#pragma once

#include <string>

#include "report/report.h"

namespace trainyard::report {

/// The report as one HTML file: no script, nothing loaded from elsewhere, inline SVG, light and dark, for desk, phone
/// and paper. Well-formed as XML too. The same report gives the same bytes.
std::string to_html(const Report& report);

}  // namespace trainyard::report

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "report/table.h"

/// Figures as cells of a table: nothing where the logs do not say. Not inline: GCC 12 then warns of the variant.
namespace trainyard::report {

Cell cell(const std::optional<double>& value);
Cell cell(const std::optional<std::int64_t>& value);
Cell cell(std::int64_t value);
Cell cell(std::string text);

/// A count of the log that is 0 where the log does not say.
Cell known(std::int64_t value);

/// A figure that there is only under a condition.
Cell cell_if(bool there, double value);

}  // namespace trainyard::report

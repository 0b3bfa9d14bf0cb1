#include "report/cells.h"

#include <utility>

namespace trainyard::report {

Cell cell(const std::optional<double>& value) {
  return value ? Cell(*value) : Cell();
}

Cell cell(const std::optional<std::int64_t>& value) {
  return value ? Cell(*value) : Cell();
}

Cell cell(std::int64_t value) {
  return Cell(value);
}

Cell cell(std::string text) {
  return text.empty() ? Cell() : Cell(std::move(text));
}

Cell known(std::int64_t value) {
  return value > 0 ? Cell(value) : Cell();
}

Cell cell_if(bool there, double value) {
  return there ? Cell(value) : Cell();
}

}  // namespace trainyard::report

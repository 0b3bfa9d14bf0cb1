#include "data/csv.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace trainyard::data {
namespace {

class CsvParser {
 public:
  CsvParser(std::string_view text, const std::string& file) : rest_(text), file_(file) {}

  std::vector<CsvRecord> parse() {
    std::vector<CsvRecord> records;
    while (!rest_.empty()) {
      if (take_line_end()) continue;
      CsvRecord& record = records.emplace_back();
      record.line = line_;
      do {
        record.fields.push_back(take_field());
      } while (take(','));
      if (!rest_.empty() && !take_line_end()) fail("something stands between a closing quote and the next comma");
    }
    return records;
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw core::Error(fmt::format("{}: line {}: {}", file_, line_, what));
  }

  bool take(char expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool take_line_end() {
    if (rest_.starts_with("\r\n")) rest_.remove_prefix(1);
    if (!take('\n')) return false;
    ++line_;
    return true;
  }

  std::string take_field() {
    if (take('"')) return take_quoted();
    std::string_view field = rest_.substr(0, rest_.find_first_of(",\n\""));
    rest_.remove_prefix(field.size());
    if (rest_.starts_with('"')) fail("a quote stands in the middle of a field");
    if (rest_.starts_with('\n') && field.ends_with('\r')) field.remove_suffix(1);
    return std::string(field);
  }

  std::string take_quoted() {
    std::string field;
    const std::size_t begin = line_;
    for (;;) {
      const std::string_view part = rest_.substr(0, rest_.find('"'));
      line_ += static_cast<std::size_t>(std::ranges::count(part, '\n'));
      field += part;
      rest_.remove_prefix(part.size());
      if (rest_.empty()) {
        line_ = begin;
        fail("a quote is not closed");
      }
      rest_.remove_prefix(1);
      if (!take('"')) return field;
      field += '"';
    }
  }

  std::string_view rest_;
  const std::string& file_;
  std::size_t line_ = 1;
};

}  // namespace

std::vector<CsvRecord> parse_csv(std::string_view text, const std::string& file) {
  return CsvParser(text, file).parse();
}

}  // namespace trainyard::data

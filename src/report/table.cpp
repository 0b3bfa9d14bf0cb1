#include "report/table.h"

#include <cmath>
#include <cstdio>

#include "core/text.h"
#include "report/format.h"

namespace trainyard::report {
namespace {

/// "15.1 M", "312 T": a number before its unit.
std::string with_prefix(double value) {
  if (value < 1e9) return format_significant(value / 1e6, 3) + " M";
  return value < 1e12 ? format_significant(value / 1e9, 3) + " G" : format_significant(value / 1e12, 3) + " T";
}

std::string display_number(double value, Format format) {
  switch (format) {
    case Format::kDuration:
      return core::format_duration_ns(std::llround(value));
    case Format::kShare:
      return format_percent(value);
    case Format::kFactor:
      return format_significant(value, 3) + "x";
    case Format::kReal:
      return format_significant(value, 4);
    case Format::kBytes:
      return core::format_bytes(static_cast<std::uint64_t>(std::llround(std::max(0.0, value))));
    case Format::kBandwidth:
      return format_significant(value / 1e9, 3) + " GB/s";
    case Format::kFlops:
      return with_prefix(value) + "FLOP";
    case Format::kFlopRate:
      return with_prefix(value) + "FLOP/s";
    case Format::kText:
    case Format::kCount:
    case Format::kRate:
      break;
  }
  return format_significant(value, 3);
}

std::string csv_text(const std::string& text) {
  std::string value = clean_text(text);
  if (!value.empty() && std::string_view("=+-@").find(value.front()) != std::string_view::npos) value.insert(0, "'");
  if (value.find_first_of(",\"") == std::string::npos) return value;
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string csv_value(const Cell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return csv_text(*text);
  if (const auto* count = std::get_if<std::int64_t>(&cell)) return std::to_string(*count);
  const auto* real = std::get_if<double>(&cell);
  if (real == nullptr || !std::isfinite(*real)) return "";
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.10g", *real);
  return buffer;
}

}  // namespace

std::string display(const Cell& cell, Format format, bool unicode) {
  if (const auto* text = std::get_if<std::string>(&cell)) return clean_text(*text);
  if (const auto* count = std::get_if<std::int64_t>(&cell)) {
    return format == Format::kCount || format == Format::kText ? format_count(*count)
                                                               : display_number(static_cast<double>(*count), format);
  }
  const auto* real = std::get_if<double>(&cell);
  if (real == nullptr || !std::isfinite(*real)) return unicode ? "\xE2\x80\x93" : "-";
  return display_number(*real, format);
}

bool is_numeric(Format format) {
  return format != Format::kText;
}

std::string to_csv(const Table& table) {
  std::string csv;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (i > 0) csv += ',';
    csv += table.columns[i].id;
  }
  csv += '\n';
  for (const auto& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) csv += ',';
      csv += csv_value(row[i]);
    }
    csv += '\n';
  }
  return csv;
}

}  // namespace trainyard::report

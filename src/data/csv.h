#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace trainyard::data {

struct CsvRecord {
  std::size_t line = 0;  ///< of its first character, from 1
  std::vector<std::string> fields;
};

/// The records of a comma-separated file (RFC 4180): a field in double quotes may hold commas, line breaks and,
/// doubled, quotes. Lines end in LF or CR LF; empty ones are passed by.
/// @throws core::Error naming the file and line where a quote is not closed or stands in the middle of a field.
std::vector<CsvRecord> parse_csv(std::string_view text, const std::string& file);

}  // namespace trainyard::data

#pragma once

#include <cstdint>
#include <span>

namespace trainyard::data {

/// digits/digits.csv.gz, embedded.
std::span<const std::uint8_t> digits_file();

}  // namespace trainyard::data

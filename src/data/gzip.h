#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace trainyard::data {

/// What one gzip member inflates to.
/// @throws core::Error saying what is wrong with it; `name` is what to call it.
std::string gunzip(std::span<const std::uint8_t> compressed, const std::string& name);

}  // namespace trainyard::data

#pragma once

#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

namespace trainyard::testing {

using Bytes = std::vector<std::uint8_t>;

enum class MatClass : std::uint32_t { kDouble = 6, kUint8 = 9 };

inline void append_number(Bytes& bytes, std::uint32_t number) {
  for (int shift = 0; shift < 32; shift += 8)
    bytes.push_back(static_cast<std::uint8_t>(number >> shift));
}

/// An element of a MATLAB 5 file: tag, content, and zeros up to a multiple of 8.
inline void append_element(Bytes& bytes, std::uint32_t type, const Bytes& content) {
  append_number(bytes, type);
  append_number(bytes, static_cast<std::uint32_t>(content.size()));
  bytes.insert(bytes.end(), content.begin(), content.end());
  while (bytes.size() % 8 != 0)
    bytes.push_back(0);
}

/// A variable as MATLAB writes it uncompressed; doubles are stored as bytes too, which the format allows.
inline Bytes mat_variable(const std::string& name, MatClass kind, const std::vector<std::uint32_t>& extents,
                          const Bytes& values) {
  Bytes flags, dimensions, content, element;
  append_number(flags, static_cast<std::uint32_t>(kind));
  append_number(flags, 0);
  for (const std::uint32_t extent : extents)
    append_number(dimensions, extent);
  append_element(content, 6, flags);
  append_element(content, 5, dimensions);
  append_element(content, 1, Bytes(name.begin(), name.end()));
  append_element(content, 2, values);
  append_element(element, 14, content);
  return element;
}

/// The same, compressed as MATLAB does by default.
inline Bytes compressed(const Bytes& variable) {
  uLongf size = ::compressBound(variable.size());
  Bytes stream(size);
  if (::compress(stream.data(), &size, variable.data(), variable.size()) != Z_OK) throw std::runtime_error("compress");
  Bytes element;
  append_number(element, 15);
  append_number(element, static_cast<std::uint32_t>(size));
  element.insert(element.end(), stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(size));
  return element;
}

/// A whole file of these variables.
inline Bytes mat_file(const std::vector<Bytes>& variables) {
  Bytes bytes(124, ' ');
  const std::string text = "MATLAB 5.0 MAT-file";
  std::memcpy(bytes.data(), text.data(), text.size());
  std::memset(bytes.data() + 116, 0, 8);
  bytes.insert(bytes.end(), {0x00, 0x01, 'I', 'M'});
  for (const Bytes& variable : variables)
    bytes.insert(bytes.end(), variable.begin(), variable.end());
  return bytes;
}

}  // namespace trainyard::testing

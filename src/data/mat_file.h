#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace trainyard::data {

/// A numeric array of a MATLAB file, in MATLAB's order: the first index is the fastest.
struct MatArray {
  std::vector<std::int64_t> extents;
  std::vector<std::uint8_t> values;
};

/// A MATLAB file of version 5 to 7 (not 7.3, which is HDF5) whose variables are arrays of numbers, read through matio.
/// matio 1.5.23 takes a file at its word: it reads a damaged stream as far as it goes and allocates 4 GB where a name
/// claims to be so long. So the whole file is walked first: every variable must lie within it, every compressed one
/// inflate to its end with the right checksum, and every part of an array lie within its variable.
class MatFile {
 public:
  /// @throws core::Error naming the file, and the variable by its number, when it is damaged or none.
  explicit MatFile(const std::filesystem::path& path);

  /// Numbers of 8 bits, or doubles of which each is a whole number that fits 8 bits.
  /// @throws core::Error naming the file and the variable when it is missing or holds anything else.
  MatArray read_bytes(const std::string& name) const;

 private:
  struct Close {
    void operator()(void* file) const;
  };

  std::string path_;
  std::uint64_t largest_variable_ = 0;  ///< bytes, inflated
  std::unique_ptr<void, Close> file_;
};

}  // namespace trainyard::data

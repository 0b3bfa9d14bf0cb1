#include "data/mat_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <matio.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "core/error.h"
#include "data/gzip.h"
#include "data/mapped_file.h"

namespace trainyard::data {
namespace {

std::uint32_t number_at(std::span<const std::uint8_t> bytes, std::size_t at) {
  std::uint32_t number = 0;
  std::memcpy(&number, bytes.data() + at, sizeof(number));
  return number;
}

// The format: "MAT-File Format" of MathWorks, level 5. A header of 128 bytes that ends in version and byte order, then
// one element a variable: a tag of type and size, and its content. An array's content is elements again: flags,
// extents, name, values.
constexpr std::size_t kHeaderBytes = 128;
constexpr std::size_t kVersionAt = 124;
constexpr std::size_t kTagBytes = 8;
constexpr std::uint32_t kFlags = 6, kExtents = 5, kName = 1, kArray = 14, kCompressed = 15;  // types of elements
constexpr std::uint32_t kDoubles = 6, kUint64s = 15;  // classes of arrays: numbers are these and those between
constexpr std::uint64_t kMostExtentBytes = 13 * 4;    // matio's own limit
constexpr std::uint64_t kMostNameBytes = 63;          // MATLAB's

/// A part of the file, or of what a part inflates to.
struct Content {
  std::span<const std::uint8_t> head;  ///< the first bytes
  std::uint64_t bytes = 0;             ///< of all
};

/// The elements of an array's content, one after the other.
class Walk {
 public:
  Walk(const Content& content, const std::string& name) : content_(content), name_(name) {}

  /// Passes over the element that must come next; gives its content as far as the head holds it.
  std::span<const std::uint8_t> pass(std::uint32_t type, std::uint64_t most_bytes) {
    const std::uint64_t size = pass_tag(type);
    if (size > most_bytes || at_ + size > content_.head.size()) refuse();
    const auto passed = content_.head.subspan(at_, size);
    at_ += small_ ? kTagBytes / 2 : (size + kTagBytes - 1) / kTagBytes * kTagBytes;
    return passed;
  }

  /// Checks that the values, of any type, lie within the content.
  void check_values() {
    const std::uint64_t size = pass_tag(std::nullopt);
    if (size > content_.bytes - at_) refuse();
  }

 private:
  /// The element's size; a small element has type and size in half a tag and its content in the other half.
  std::uint64_t pass_tag(std::optional<std::uint32_t> type) {
    if (at_ + kTagBytes > content_.head.size()) refuse();
    const std::uint32_t first = number_at(content_.head, at_);
    const std::uint32_t second = number_at(content_.head, at_ + 4);
    small_ = first >> 16 != 0;
    const std::uint32_t found = small_ ? first & 0xffff : first;
    const std::uint32_t size = small_ ? first >> 16 : second;
    if ((type && found != *type) || (small_ && size > 4)) refuse();
    at_ += small_ ? kTagBytes / 2 : kTagBytes;
    return size;
  }

  [[noreturn]] void refuse() const {
    throw core::Error(fmt::format("{} is no array of numbers, or a damaged one; copy the file again", name_));
  }

  Content content_;
  const std::string& name_;
  std::size_t at_ = 0;
  bool small_ = false;
};

/// Throws unless `content`, an array's, is one of numbers whose elements lie within it: matio allocates what they
/// claim.
void check_array(const Content& content, const std::string& name) {
  Walk walk(content, name);
  const auto flags = walk.pass(kFlags, 8);
  walk.pass(kExtents, kMostExtentBytes);
  walk.pass(kName, kMostNameBytes);
  walk.check_values();
  if (flags.size() != 8 || flags[0] < kDoubles || flags[0] > kUint64s) {
    throw core::Error(fmt::format("{} is no array of numbers", name));
  }
}

/// Bytes of the largest variable once inflated. Throws for a file that is not whole.
std::uint64_t check_whole(const std::string& path) {
  const MappedFile file(path);
  const std::span<const std::uint8_t> bytes = file.bytes();
  constexpr std::array<std::uint8_t, 4> kLevel5{0x00, 0x01, 'I', 'M'};  // little-endian
  if (bytes.size() < kHeaderBytes || !std::equal(kLevel5.begin(), kLevel5.end(), bytes.begin() + kVersionAt)) {
    throw core::Error(
        fmt::format("{}: is no MATLAB file of version 5 to 7 from a little-endian machine; download it again", path));
  }
  std::uint64_t largest = 0;
  std::size_t at = kHeaderBytes;
  for (int variable = 1; at < bytes.size(); ++variable) {
    const std::string name = fmt::format("{}: variable {}", path, variable);
    const std::size_t left = bytes.size() - at;
    if (left < kTagBytes || number_at(bytes, at + 4) > left - kTagBytes) {
      throw core::Error(fmt::format("{} ends behind the end of the file; it is truncated, copy it again", name));
    }
    const std::uint32_t type = number_at(bytes, at);
    const std::uint32_t size = number_at(bytes, at + 4);
    const std::span<const std::uint8_t> content = bytes.subspan(at + kTagBytes, size);
    at += kTagBytes + size;
    if (type == kArray) {
      check_array({.head = content, .bytes = size}, name);
      largest = std::max<std::uint64_t>(largest, size);
      continue;
    }
    if (type != kCompressed) throw core::Error(fmt::format("{} is no array", name));
    const ZlibContent inflated = look_through(content, name);
    const std::span head(reinterpret_cast<const std::uint8_t*>(inflated.head.data()), inflated.head.size());
    if (head.size() < kTagBytes || number_at(head, 0) != kArray || number_at(head, 4) != inflated.bytes - kTagBytes) {
      throw core::Error(fmt::format("{} is no array", name));
    }
    check_array({.head = head.subspan(kTagBytes), .bytes = inflated.bytes - kTagBytes}, name);
    largest = std::max(largest, inflated.bytes);
  }
  return largest;
}

struct FreeVariable {
  void operator()(matvar_t* variable) const { ::Mat_VarFree(variable); }
};

std::vector<std::int64_t> extents_of(const matvar_t& variable) {
  return {variable.dims, variable.dims + variable.rank};
}

/// The product, or none where it is more than `most`.
std::optional<std::uint64_t> elements_of(const matvar_t& variable, std::uint64_t most) {
  std::uint64_t elements = 1;
  for (int i = 0; i < variable.rank; ++i) {
    if (variable.dims[i] == 0) return 0;
    if (variable.dims[i] > most / elements) return std::nullopt;
    elements *= variable.dims[i];
  }
  return elements;
}

}  // namespace

void MatFile::Close::operator()(void* file) const {
  ::Mat_Close(static_cast<mat_t*>(file));
}

MatFile::MatFile(const std::filesystem::path& path) : path_(path.string()), largest_variable_(check_whole(path_)) {
  file_.reset(::Mat_Open(path_.c_str(), MAT_ACC_RDONLY));
  if (!file_) throw core::Error(fmt::format("{}: cannot be opened as a MATLAB file", path_));
}

MatArray MatFile::read_bytes(const std::string& name) const {
  auto* file = static_cast<mat_t*>(file_.get());
  const std::unique_ptr<matvar_t, FreeVariable> variable(::Mat_VarReadInfo(file, name.c_str()));
  if (!variable) throw core::Error(fmt::format("{}: has no variable {}, or a damaged one", path_, name));
  const bool doubles = variable->class_type == MAT_C_DOUBLE;
  if ((!doubles && variable->class_type != MAT_C_UINT8) || variable->isComplex != 0 || variable->rank < 1) {
    throw core::Error(fmt::format("{}: {} is no array of 8-bit numbers or doubles", path_, name));
  }
  // A double that is a small whole number is stored in one byte.
  const std::uint64_t most = std::min<std::uint64_t>(largest_variable_, std::numeric_limits<int>::max());
  const auto elements = elements_of(*variable, most);
  if (!elements) {
    throw core::Error(fmt::format("{}: {} claims to be [{}], more than the file holds", path_, name,
                                  fmt::join(extents_of(*variable), ", ")));
  }
  MatArray array{.extents = extents_of(*variable), .values = std::vector<std::uint8_t>(*elements)};
  if (*elements == 0) return array;
  const auto read = [&](void* values) {
    if (::Mat_VarReadDataLinear(file, variable.get(), values, 0, 1, static_cast<int>(*elements)) != 0) {
      throw core::Error(fmt::format("{}: the values of {} cannot be read; it is damaged, copy it again", path_, name));
    }
  };
  if (!doubles) {
    read(array.values.data());
    return array;
  }
  std::vector<double> values(*elements);
  read(values.data());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!(values[i] >= 0 && values[i] <= 255 && values[i] == std::floor(values[i]))) {
      throw core::Error(fmt::format("{}: {} holds {}, which is no 8-bit number", path_, name, values[i]));
    }
    array.values[i] = static_cast<std::uint8_t>(values[i]);
  }
  return array;
}

}  // namespace trainyard::data

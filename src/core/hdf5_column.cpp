#include <algorithm>
#include <cstring>
#include <limits>

#include "core/hdf5.h"
#include "core/hdf5_chunks.h"
#include "core/hdf5_types.h"
#include "core/text.h"

namespace trainyard::core::hdf5 {

namespace {

/// Variable-length strings that the library allocated, given back however the scope is left.
class VariableStrings {
 public:
  VariableStrings(hid_t type, hid_t space, std::size_t count) : type_(type), space_(space), pointers_(count, nullptr) {}
  ~VariableStrings() {
    if (H5Dvlen_reclaim(type_, space_, H5P_DEFAULT, pointers_.data()) < 0) H5Eclear2(H5E_DEFAULT);
  }
  VariableStrings(const VariableStrings&) = delete;
  VariableStrings& operator=(const VariableStrings&) = delete;
  char** data() { return pointers_.data(); }
  const std::vector<char*>& pointers() const { return pointers_; }

 private:
  hid_t type_;
  hid_t space_;
  std::vector<char*> pointers_;
};

}  // namespace

ColumnStorage Column::storage() const {
  return storage_ ? *storage_ : storage_of(handle_.id(), label_);
}

std::uint64_t Column::rows() const {
  const LibraryLock lock;
  return storage().rows;
}

std::uint64_t Column::chunk_rows() const {
  const LibraryLock lock;
  return storage().chunk_rows;
}

Handle Column::file_type() const {
  return Handle(H5Dget_type(handle_.id()), "cannot read the type of " + label_);
}

bool Column::is_text() const {
  const LibraryLock lock;
  return H5Tget_class(file_type().id()) == H5T_STRING;
}

bool Column::is_enum() const {
  const LibraryLock lock;
  return H5Tget_class(file_type().id()) == H5T_ENUM;
}

bool Column::is_variable_text() const {
  const LibraryLock lock;
  const htri_t variable = H5Tis_variable_str(file_type().id());
  check(variable, "cannot read the type of " + label_);
  return variable > 0;
}

void Column::check_plausible(const ColumnStorage& storage, std::uint64_t first, std::uint64_t count) const {
  if (first > storage.rows || count > storage.rows - first) {
    throw Error(label_ + " has " + std::to_string(storage.rows) + " rows, fewer than asked for");
  }
  // Deflate cannot shrink anything below 1/1032 (https://zlib.net/zlib_tech.html), so a larger claim is a forged or
  // never written extent, for which nothing shall be allocated.
  constexpr std::uint64_t kMaxRatio = 1032;
  constexpr std::uint64_t kAlwaysFine = std::uint64_t{16} << 20;
  const std::uint64_t row_bytes = std::max<std::uint64_t>(sizeof(std::int64_t), storage.row_bytes);
  if (count <= kAlwaysFine / row_bytes) return;
  const Handle file(H5Iget_file_id(handle_.id()), "cannot read " + label_);
  hsize_t file_bytes = 0;
  check(H5Fget_filesize(file.id(), &file_bytes), "cannot read " + label_);
  if (count / kMaxRatio > file_bytes / row_bytes) {
    throw Error(label_ + " claims " + std::to_string(storage.rows) + " rows, more than a file of " +
                format_bytes(file_bytes) + " can hold");
  }
}

ColumnStorage Column::numbers_storage(std::uint64_t first, std::uint64_t count) const {
  const ColumnStorage storage = this->storage();
  if (!storage.is_number) throw Error(label_ + " does not hold numbers");
  check_plausible(storage, first, count);
  return storage;
}

void Column::read_raw(hid_t memory_type, std::uint64_t first, std::uint64_t count, void* values) const {
  const std::string what = "cannot read " + label_;
  const hsize_t start = first;
  const hsize_t length = count;
  const Handle memory_space(H5Screate_simple(1, &length, nullptr), what);
  const Handle file_space(H5Dget_space(handle_.id()), what);
  check(H5Sselect_hyperslab(file_space.id(), H5S_SELECT_SET, &start, nullptr, &length, nullptr), what);
  check(H5Dread(handle_.id(), memory_type, memory_space.id(), file_space.id(), H5P_DEFAULT, values), what);
}

std::vector<std::int64_t> Column::read_int64(std::uint64_t first, std::uint64_t count) const {
  const LibraryLock lock;
  const ColumnStorage storage = numbers_storage(first, count);
  std::vector<std::int64_t> values(count);
  if (count == 0) return values;
  const bool direct = first == 0 && storage.is_int64 &&
                      read_deflated_chunks(handle_.id(), storage.deflated, count, values.data(), label_);
  if (!direct) read_raw(H5T_NATIVE_INT64, first, count, values.data());
  return values;
}

std::vector<double> Column::read_double(std::uint64_t first, std::uint64_t count) const {
  const LibraryLock lock;
  const ColumnStorage storage = numbers_storage(first, count);
  std::vector<double> values(count);
  if (count == 0) return values;
  const bool direct = first == 0 && storage.is_double &&
                      read_deflated_chunks(handle_.id(), storage.deflated, count, values.data(), label_);
  if (!direct) read_raw(H5T_NATIVE_DOUBLE, first, count, values.data());
  return values;
}

CompactNumbers Column::read_compact(std::uint64_t count) const {
  const LibraryLock lock;
  const ColumnStorage storage = numbers_storage(0, count);
  if (storage.is_int64) {
    if (auto numbers = read_compact_chunks(handle_.id(), storage.deflated, count, label_)) return std::move(*numbers);
  }
  std::vector<std::int64_t> values(count);
  if (count > 0) read_raw(H5T_NATIVE_INT64, 0, count, values.data());
  constexpr std::int64_t kLargest = std::numeric_limits<std::uint32_t>::max();
  if (std::any_of(values.begin(), values.end(), [](std::int64_t value) { return value < 0 || value > kLargest; }))
    return values;
  return std::vector<std::uint32_t>(values.begin(), values.end());
}

std::vector<std::string> Column::read_text(std::uint64_t first, std::uint64_t count) const {
  const LibraryLock lock;
  const std::string what = "cannot read " + label_;
  const Handle type = file_type();
  if (H5Tget_class(type.id()) != H5T_STRING) throw Error(label_ + " does not hold text");
  check_plausible(storage(), first, count);
  std::vector<std::string> texts;
  if (count == 0) return texts;
  const htri_t variable = H5Tis_variable_str(type.id());
  check(variable, what);
  if (variable > 0) {
    const Handle memory_type = string_type(H5T_VARIABLE, H5Tget_cset(type.id()), what);
    const hsize_t length = count;
    const Handle memory_space(H5Screate_simple(1, &length, nullptr), what);
    VariableStrings strings(memory_type.id(), memory_space.id(), count);
    read_raw(memory_type.id(), first, count, strings.data());
    for (const char* pointer : strings.pointers()) {
      texts.emplace_back(pointer == nullptr ? "" : pointer, pointer == nullptr ? 0 : ::strnlen(pointer, kMaxTextBytes));
    }
    return texts;
  }
  const std::size_t width = H5Tget_size(type.id());
  if (width == 0 || width > kMaxTextBytes) throw Error(label_ + " holds text of an absurd length");
  const H5T_str_t padding = H5Tget_strpad(type.id());
  std::vector<char> buffer(width * count);
  read_raw(type.id(), first, count, buffer.data());
  for (std::uint64_t row = 0; row < count; ++row)
    texts.push_back(unpadded(buffer.data() + row * width, width, padding));
  return texts;
}

std::vector<EnumMember> Column::enum_members() const {
  const LibraryLock lock;
  const std::string what = "cannot read the enumeration of " + label_;
  const Handle type = file_type();
  if (H5Tget_class(type.id()) != H5T_ENUM) throw Error(label_ + " is not an enumeration");
  const int count = H5Tget_nmembers(type.id());
  constexpr int kMaxMembers = 10'000;
  if (count < 0 || count > kMaxMembers) throw Error(label_ + " has an absurd enumeration");
  const Handle base(H5Tget_super(type.id()), what);
  const std::size_t base_bytes = H5Tget_size(base.id());
  if (base_bytes == 0 || base_bytes > sizeof(std::int64_t)) throw Error(label_ + " has an absurd enumeration");
  std::vector<EnumMember> members;
  for (unsigned i = 0; i < static_cast<unsigned>(count); ++i) {
    char* name = H5Tget_member_name(type.id(), i);
    if (name == nullptr) throw library_error(what);
    EnumMember member{name, 0};
    H5free_memory(name);
    // H5Tconvert works in place, from the file's base type to the wider one.
    check(H5Tget_member_value(type.id(), i, &member.value), what);
    check(H5Tconvert(base.id(), H5T_NATIVE_INT64, 1, &member.value, nullptr, H5P_DEFAULT), what);
    members.push_back(std::move(member));
  }
  return members;
}

void Column::append_raw(hid_t memory_type, std::uint64_t count, const void* values) {
  const std::string what = "cannot write " + label_;
  storage_.reset();
  const Handle file_space(H5Dget_space(handle_.id()), what);
  hsize_t start = 0;
  check(H5Sget_simple_extent_dims(file_space.id(), &start, nullptr), what);
  const hsize_t length = count;
  const hsize_t extent = start + length;
  const hsize_t unlimited = H5S_UNLIMITED;
  check(H5Dset_extent(handle_.id(), &extent), what);
  check(H5Sset_extent_simple(file_space.id(), 1, &extent, &unlimited), what);
  const Handle memory_space(H5Screate_simple(1, &length, nullptr), what);
  check(H5Sselect_hyperslab(file_space.id(), H5S_SELECT_SET, &start, nullptr, &length, nullptr), what);
  check(H5Dwrite(handle_.id(), memory_type, memory_space.id(), file_space.id(), H5P_DEFAULT, values), what);
}

void Column::append(std::span<const std::int64_t> values) {
  if (values.empty()) return;
  const LibraryLock lock;
  const Handle type = file_type();
  if (H5Tget_class(type.id()) != H5T_ENUM) return append_raw(H5T_NATIVE_INT64, values.size(), values.data());
  // The library converts no integers to enumerations, so they are handed over in the file's one-byte form.
  std::vector<std::int8_t> bytes(values.size());
  std::transform(values.begin(), values.end(), bytes.begin(),
                 [](auto value) { return static_cast<std::int8_t>(value); });
  append_raw(type.id(), bytes.size(), bytes.data());
}

void Column::append(std::span<const double> values) {
  if (values.empty()) return;
  const LibraryLock lock;
  append_raw(H5T_NATIVE_DOUBLE, values.size(), values.data());
}

void Column::append(std::span<const std::string> values) {
  if (values.empty()) return;
  const LibraryLock lock;
  const Handle type = file_type();
  const std::size_t width = H5Tget_size(type.id());
  std::vector<char> buffer(width * values.size(), '\0');
  for (std::size_t row = 0; row < values.size(); ++row) {
    const std::string_view text = truncate_utf8(values[row], width);
    std::copy(text.begin(), text.end(), buffer.begin() + static_cast<std::ptrdiff_t>(row * width));
  }
  append_raw(type.id(), values.size(), buffer.data());
}

}  // namespace trainyard::core::hdf5

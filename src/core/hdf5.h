#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/hdf5_handle.h"

/// A thin RAII layer over the C API of HDF5 1.10 and later. Every failure is a core::Error that names the file, the
/// object in it and the library's own message. Files that others wrote are not trusted: links that leave the file,
/// external and virtual storage, absurd extents, chunks and names are refused before anything is allocated.
namespace trainyard::core::hdf5 {

/// One named value of an enumerated column.
struct EnumMember {
  std::string name;
  std::int64_t value;
};

/// Groups, files and data sets: what carries attributes.
class Node {
 public:
  /// "FILE:/path/of/object", as errors name it.
  const std::string& label() const { return label_; }

  bool has_attribute(std::string_view name) const;
  /// Creates or replaces. Text becomes a variable-length UTF-8 string, which h5py reads as str (a fixed-length one
  /// would be bytes there), up to the first NUL.
  void set_attribute(std::string_view name, std::string_view text);
  void set_attribute(std::string_view name, std::int64_t value);
  void set_attribute(std::string_view name, double value);
  /// Fixed- or variable-length, scalar or of one element; a missing one or one of another kind throws.
  std::string text_attribute(std::string_view name) const;
  /// Any integer or floating-point type, of one element.
  std::int64_t int_attribute(std::string_view name) const;
  double double_attribute(std::string_view name) const;

 protected:
  Node(Handle handle, std::string label) : handle_(std::move(handle)), label_(std::move(label)) {}
  std::string describe(std::string_view name) const;
  Handle handle_;
  std::string label_;

 private:
  Handle open_attribute(std::string_view name) const;
  void write_attribute(std::string_view name, hid_t type, const void* value);
  void read_number(std::string_view name, hid_t type, void* value) const;
};

/// How a column's chunks are stored, where that is a way that they can be read past the library's filters.
struct DeflatedChunks {
  std::uint64_t rows = 0;  ///< of a chunk; 0: stored in another way
  bool shuffled = false;
};

/// What a file says of a column.
struct ColumnStorage {
  std::uint64_t rows = 0;
  std::uint64_t chunk_rows = 0;  ///< 0: not in chunks
  std::size_t row_bytes = 0;
  bool is_number = false;
  bool is_int64 = false;   ///< in this machine's byte order
  bool is_double = false;  ///< likewise
  DeflatedChunks deflated;
};

/// Whole numbers: in 4 bytes each, which none is negative or too large for, or in 8.
using CompactNumbers = std::variant<std::vector<std::uint32_t>, std::vector<std::int64_t>>;

/// A 1-D data set.
class Column : public Node {
 public:
  std::uint64_t rows() const;
  /// Rows of a chunk; 0 where the data set is not chunked.
  std::uint64_t chunk_rows() const;
  bool is_text() const;
  bool is_enum() const;
  /// Text of variable length lies in a heap of the file, and the library (1.10.8) crashes over a damaged one.
  bool is_variable_text() const;

  /// The rows [first, first + count). Numbers are converted from whatever integer or floating-point type the file has;
  /// text is read from fixed- and variable-length strings alike, at most 64 KiB each.
  std::vector<std::int64_t> read_int64(std::uint64_t first, std::uint64_t count) const;
  std::vector<double> read_double(std::uint64_t first, std::uint64_t count) const;
  std::vector<std::string> read_text(std::uint64_t first, std::uint64_t count) const;
  /// The first `count` rows of numbers.
  CompactNumbers read_compact(std::uint64_t count) const;
  /// The values of an enumerated column are read with read_int64; these are their names.
  std::vector<EnumMember> enum_members() const;

  /// Extends the column and writes the rows at its end. Enumerated columns take their values as int64.
  void append(std::span<const std::int64_t> values);
  void append(std::span<const double> values);
  /// Each value is cut to the column's width, between UTF-8 characters.
  void append(std::span<const std::string> values);

 private:
  friend class Group;
  Column(Handle handle, std::string label, std::optional<ColumnStorage> storage = std::nullopt)
      : Node(std::move(handle), std::move(label)), storage_(storage) {}
  Handle file_type() const;
  ColumnStorage storage() const;
  /// Of numbers that can be read; throws where they are none, or fewer than asked for, or more than the file can hold.
  ColumnStorage numbers_storage(std::uint64_t first, std::uint64_t count) const;
  void check_plausible(const ColumnStorage& storage, std::uint64_t first, std::uint64_t count) const;
  void append_raw(hid_t memory_type, std::uint64_t count, const void* values);
  void read_raw(hid_t memory_type, std::uint64_t first, std::uint64_t count, void* values) const;

  std::optional<ColumnStorage> storage_;  ///< as it was opened; nothing of a column that this program writes
};

/// What a Block holds, in this machine's byte order.
enum class Element { kUint8, kInt32 };

/// A data set of fixed extents that lies in the file in one piece and uncompressed, so that it can be mapped.
class Block : public Node {
 public:
  const std::vector<std::uint64_t>& extents() const { return extents_; }
  std::uint64_t bytes() const;
  /// Where the bytes begin in the file; 0 where there are none. They end within the file.
  std::uint64_t file_offset() const;
  /// The rows [first, first + count) of the first extent.
  void write(std::uint64_t first, std::uint64_t count, const void* values);

 private:
  friend class Group;
  Block(Handle handle, std::string label, Element element, std::vector<std::uint64_t> extents)
      : Node(std::move(handle), std::move(label)), element_(element), extents_(std::move(extents)) {}

  Element element_;
  std::vector<std::uint64_t> extents_;
};

/// How a new column is stored: chunks of `chunk_rows` rows, shuffled and deflated.
struct ColumnLayout {
  std::uint64_t chunk_rows = 64;
  unsigned deflate_level = 4;
};

class Group : public Node {
 public:
  /// A hard link of this name in this group; anything else (external links above all) counts as absent.
  bool has(std::string_view name) const;
  bool has_group(std::string_view name) const;
  bool has_column(std::string_view name) const;
  /// Names of the hard links, sorted, at most 10,000.
  std::vector<std::string> names() const;

  Group create_group(std::string_view name);
  Group open_group(std::string_view name) const;

  Column create_int64_column(std::string_view name, const ColumnLayout& layout);
  Column create_double_column(std::string_view name, const ColumnLayout& layout);
  /// Fixed-length, NUL-padded UTF-8 of `width` bytes.
  Column create_text_column(std::string_view name, std::size_t width, const ColumnLayout& layout);
  /// Stored as an enumeration over one byte; the values must lie in 0..127.
  Column create_enum_column(std::string_view name, std::span<const EnumMember> members, const ColumnLayout& layout);
  /// Opens 1-D data sets whose storage lies in this file, in the order of `names`; none where there is no data set of a
  /// name.
  std::vector<std::optional<Column>> find_columns(std::span<const std::string_view> names) const;
  /// One, which must be there.
  Column open_column(std::string_view name) const;
  /// Its space in the file is taken at once. 1 to 4 extents.
  Block create_block(std::string_view name, Element element, const std::vector<std::uint64_t>& extents);
  /// Opens a data set that a Block of these elements could be.
  Block open_block(std::string_view name, Element element) const;
  /// For appending to a column that this program has created: without the checks that a foreign file needs, which cost
  /// as much as a short append.
  Column open_own_column(std::string_view name);

 protected:
  Group(Handle handle, std::string label) : Node(std::move(handle), std::move(label)) {}

 private:
  Column create_column(std::string_view name, hid_t type, const ColumnLayout& layout);
  /// Of what a hard link leads to.
  std::optional<Column> column_at(std::string_view name) const;
};

/// A file, which is its own root group. Reading takes a shared lock on it, writing an exclusive one, where the file
/// system can lock; where it cannot, none is taken. HDF5_USE_FILE_LOCKING in the environment overrules this.
class File : public Group {
 public:
  /// Someone else holds the lock, this moment.
  class Busy : public Error {
   public:
    using Error::Error;
  };

  /// Throws Busy where another process holds a lock that excludes this one.
  static File open_for_reading(const std::filesystem::path& path);
  static File open_for_writing(const std::filesystem::path& path);
  /// An existing file is truncated. The first `user_block` bytes are left to the caller, who writes them after the file
  /// is closed: 0, or a power of two from 512 on. With them the same content is the same bytes: no time is in the file.
  static File create(const std::filesystem::path& path, std::uint64_t user_block = 0);

  /// Writes everything and closes; objects opened from the file must be gone. The destructor closes too, but cannot
  /// tell that it failed.
  void close();

 private:
  File(Handle handle, const std::filesystem::path& path) : Group(std::move(handle), path.string()) {}
};

/// "1.10.8": the library this process runs with.
std::string library_version();

}  // namespace trainyard::core::hdf5

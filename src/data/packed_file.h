#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/hdf5.h"
#include "core/temporary_name.h"
#include "data/mapped_file.h"

/// A packed data set: one HDF5 file, for file systems that count files. docs/data.md says what lies in it. Its first
/// 512 bytes, which HDF5 leaves alone, are lines of text that name the data set, the file's size and the XXH3 checksum
/// of all other bytes, so that a damaged file is known before HDF5 (1.10.8 crashes over some) sees it. Here is what
/// packed images and packed tokens share.
namespace trainyard::data {

inline constexpr std::string_view kPackedSchema = "trainyard-packed/1";

/// A packed file that is being written: aside, and renamed when it is whole.
class PackedWriter {
 public:
  /// `data` is the data set's name. @throws core::Error naming the file when it cannot be made.
  PackedWriter(const std::filesystem::path& path, std::string_view data);

  core::hdf5::File& root() { return file_; }
  /// No object of the file may be open any more.
  void publish();

 private:
  core::TemporaryName name_;
  std::string data_;
  core::hdf5::File file_;
};

/// A block that is written row by row.
class BlockWriter {
 public:
  BlockWriter(core::hdf5::Group& group, std::string_view name, core::hdf5::Element element,
              const std::vector<std::uint64_t>& extents);

  /// Whole rows of the first extent.
  void append(std::span<const std::byte> rows);

 private:
  core::hdf5::Block block_;
  std::uint64_t row_bytes_;
  std::uint64_t written_ = 0;
};

/// A 1-D data set of int64.
void write_numbers(core::hdf5::Group& group, std::string_view name, std::span<const std::int64_t> numbers);
std::vector<std::int64_t> read_numbers(const core::hdf5::Group& group, std::string_view name);

/// A block's bytes in the mapped file.
struct MappedBlock {
  std::vector<std::uint64_t> extents;
  std::span<const std::uint8_t> bytes;  ///< aligned to nothing
};

/// A packed file, opened and compared with its checksum. Its blocks are views of the mapped file, so that the ranks of
/// a node share its memory; whoever keeps one keeps `mapping()`.
class PackedFile {
 public:
  /// @throws core::UsageError naming the file when it is no packed file, or holds another data set than `data`;
  ///         core::Error when it is damaged.
  PackedFile(const std::filesystem::path& path, std::string_view data);

  /// The data set's name.
  const std::string& data() const { return data_; }
  const core::hdf5::File& root() const { return file_; }
  MappedBlock block(const core::hdf5::Group& group, std::string_view name, core::hdf5::Element element) const;
  std::shared_ptr<const MappedFile> mapping() const { return mapping_; }

 private:
  std::string data_;
  std::shared_ptr<const MappedFile> mapping_;
  core::hdf5::File file_;
};

/// The attribute `name` of a packed file's root. @throws core::Error, naming both, when it is not in [low, high].
std::int64_t integer_in(const core::hdf5::File& root, std::string_view name, std::int64_t low, std::int64_t high);

/// Offsets, one more than there are samples, cut a block of `rows` rows into samples: they begin at 0, never fall and
/// end at `rows`. @throws core::Error, naming `where`, if they do not.
void check_offsets(std::span<const std::int64_t> offsets, std::uint64_t samples, std::uint64_t rows,
                   const std::string& where);

/// @throws core::Error, naming `where`, when a label is not in [0, classes).
void check_labels(std::span<const std::int64_t> labels, std::int64_t classes, const std::string& where);

}  // namespace trainyard::data

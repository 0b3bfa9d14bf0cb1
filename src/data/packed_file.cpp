#include "data/packed_file.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>

#include "core/descriptor.h"
#include "core/error.h"
#include "core/hash.h"
#include "core/text.h"

namespace trainyard::data {
namespace {

constexpr std::size_t kHeadBytes = 512;
/// Numbers are few beside pixels; large chunks make reading them one call each.
constexpr core::hdf5::ColumnLayout kNumbers{.chunk_rows = 16'384, .deflate_level = 4};

std::string_view text_of(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The first bytes of a packed file: text, and zeros behind it.
std::string head_of(std::span<const std::uint8_t> file, std::string_view data) {
  std::string head = fmt::format("{}\ndata {}\nbytes {}\nxxh3 {}\n", kPackedSchema, data, file.size(),
                                 core::xxh3_64_hex(text_of(file.subspan(kHeadBytes))));
  head.resize(kHeadBytes);
  return head;
}

/// What a line `key value` of the head says; empty without one.
std::string_view value_in(std::string_view head, std::string_view key) {
  for (const std::string_view line : core::split(head, '\n')) {
    if (line.starts_with(key) && line.substr(key.size()).starts_with(' ')) return line.substr(key.size() + 1);
  }
  return {};
}

std::shared_ptr<const MappedFile> map_packed(const std::filesystem::path& path, std::string_view data) {
  auto mapping = std::make_shared<const MappedFile>(path.string());
  const std::span<const std::uint8_t> file = mapping->bytes();
  const std::string_view head = text_of(file.first(std::min(file.size(), kHeadBytes)));
  if (!head.starts_with(kPackedSchema)) {
    throw core::UsageError(
        fmt::format("{}: is no packed data set of schema {}; tools/pack writes one, and data-dir may be the folder of "
                    "the original files",
                    path.string(), kPackedSchema));
  }
  if (file.size() < kHeadBytes || value_in(head, "bytes") != fmt::format("{}", file.size())) {
    throw core::Error(fmt::format("{}: has {} bytes instead of {}; it is truncated, copy or pack it again",
                                  path.string(), file.size(), core::one_line(value_in(head, "bytes").substr(0, 32))));
  }
  const std::string found = core::one_line(value_in(head, "data").substr(0, 100));
  if (head != head_of(file, found)) {
    throw core::Error(fmt::format("{}: its bytes are not those of its checksum; it is damaged, copy or pack it again",
                                  path.string()));
  }
  if (found != data) {
    throw core::UsageError(fmt::format("{}: holds {}, not {}: set data = {}, or data-dir to another file",
                                       path.string(), found, data, found));
  }
  return mapping;
}

}  // namespace

PackedWriter::PackedWriter(const std::filesystem::path& path, std::string_view data)
    : name_(path), data_(data), file_(core::hdf5::File::create(name_.path(), kHeadBytes)) {
  file_.set_attribute("schema", kPackedSchema);
  file_.set_attribute("data", data);
  file_.set_attribute("version", std::string_view(TRAINYARD_VERSION));
}

void PackedWriter::publish() {
  file_.close();
  const std::string head = head_of(MappedFile(name_.path().string()).bytes(), data_);
  core::Descriptor file(name_.path(), O_WRONLY);
  file.write_all(head);
  file.sync();
  file.close();
  name_.rename_to_target();
}

BlockWriter::BlockWriter(core::hdf5::Group& group, std::string_view name, core::hdf5::Element element,
                         const std::vector<std::uint64_t>& extents)
    : block_(group.create_block(name, element, extents)),
      row_bytes_(extents[0] == 0 ? 1 : block_.bytes() / extents[0]) {}

void BlockWriter::append(std::span<const std::byte> rows) {
  const std::uint64_t count = rows.size() / row_bytes_;
  if (count > 0) block_.write(written_, count, rows.data());
  written_ += count;
}

void write_numbers(core::hdf5::Group& group, std::string_view name, std::span<const std::int64_t> numbers) {
  group.create_int64_column(name, kNumbers).append(numbers);
}

std::vector<std::int64_t> read_numbers(const core::hdf5::Group& group, std::string_view name) {
  const core::hdf5::Column column = group.open_column(name);
  return column.read_int64(0, column.rows());
}

PackedFile::PackedFile(const std::filesystem::path& path, std::string_view data)
    : data_(data), mapping_(map_packed(path, data)), file_(core::hdf5::File::open_for_reading(path)) {}

MappedBlock PackedFile::block(const core::hdf5::Group& group, std::string_view name,
                              core::hdf5::Element element) const {
  const core::hdf5::Block block = group.open_block(name, element);
  const std::span<const std::uint8_t> file = mapping_->bytes();
  const std::uint64_t offset = block.file_offset();
  if (offset > file.size() || block.bytes() > file.size() - offset) {
    throw core::Error(fmt::format("{}: ends behind the end of its file", block.label()));
  }
  return {.extents = block.extents(), .bytes = file.subspan(offset, block.bytes())};
}

std::int64_t integer_in(const core::hdf5::File& root, std::string_view name, std::int64_t low, std::int64_t high) {
  const std::int64_t value = root.int_attribute(name);
  if (value >= low && value <= high) return value;
  throw core::Error(
      fmt::format("{}: {} = {} is not within {} and {}; pack it again", root.label(), name, value, low, high));
}

void check_offsets(std::span<const std::int64_t> offsets, std::uint64_t samples, std::uint64_t rows,
                   const std::string& where) {
  const bool fits = offsets.size() == samples + 1 && offsets.front() == 0 &&
                    offsets.back() == static_cast<std::int64_t>(rows) && std::is_sorted(offsets.begin(), offsets.end());
  if (!fits) throw core::Error(fmt::format("{}: offsets do not cut {} rows into {} samples", where, rows, samples));
}

void check_labels(std::span<const std::int64_t> labels, std::int64_t classes, const std::string& where) {
  const auto wrong =
      std::find_if(labels.begin(), labels.end(), [&](std::int64_t label) { return label < 0 || label >= classes; });
  if (wrong == labels.end()) return;
  throw core::Error(
      fmt::format("{}: sample {} has label {}, there are {} classes", where, wrong - labels.begin(), *wrong, classes));
}

}  // namespace trainyard::data

#include "data/packed_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "data/jpeg_dataset.h"
#include "data/planes.h"

namespace trainyard::data {
namespace {

using core::hdf5::Element;
using core::hdf5::Group;

constexpr std::int64_t kMostPixels = 1024;  // of a side: the key's own limit
constexpr std::int64_t kMostClasses = 1'000'000;
constexpr core::hdf5::ColumnLayout kFew{};

// ---- writing --------------------------------------------------------------------------------------------------------

void write_info(core::hdf5::File& root, const ImageDataset& data) {
  root.set_attribute("classes", data.classes());
  root.set_attribute("channels", data.shape().channels);
  root.set_attribute("height", data.shape().height);
  root.set_attribute("width", data.shape().width);
  root.set_attribute("pixel_max", data.normalisation().pixel_max);
  root.set_attribute("crop_padding", std::int64_t{data.augmentation().crop_padding});
  root.set_attribute("mirrors", std::int64_t{data.augmentation().mirrors});
  root.create_double_column("mean", kFew).append(data.normalisation().mean);
  root.create_double_column("std", kFew).append(data.normalisation().std);
  if (data.class_names().empty()) return;
  const auto longest = std::max_element(data.class_names().begin(), data.class_names().end(),
                                        [](const auto& a, const auto& b) { return a.size() < b.size(); });
  root.create_text_column("class_names", std::max<std::size_t>(1, longest->size()), kFew).append(data.class_names());
}

std::vector<std::uint8_t> room_for(const ImageDataset& data) {
  return std::vector<std::uint8_t>(static_cast<std::size_t>(data.shape().pixels()));
}

void write_pixels(Group& group, const ImageDataset& data) {
  const auto [channels, height, width] = data.shape();
  BlockWriter block(group, "pixels", Element::kUint8,
                    {static_cast<std::uint64_t>(data.size()), static_cast<std::uint64_t>(height),
                     static_cast<std::uint64_t>(width), static_cast<std::uint64_t>(channels)});
  std::vector<std::uint8_t> scratch = room_for(data);
  std::vector<std::uint8_t> row = room_for(data);
  for (std::int64_t i = 0; i < data.size(); ++i) {
    interleave(data.pixels(i, scratch).data(), channels, height * width, row.data());
    block.append(std::as_bytes(std::span(row)));
  }
}

void write_jpeg(Group& group, const JpegDataset& data) {
  std::vector<std::uint8_t> scratch = room_for(data);
  std::vector<std::uint8_t> file;
  std::vector<std::int64_t> offsets{0};
  for (std::int64_t i = 0; i < data.size(); ++i) {
    data.pixels(i, scratch);
    offsets.push_back(offsets.back() + static_cast<std::int64_t>(data.jpeg(i, file).size()));
  }
  write_numbers(group, "offsets", offsets);
  BlockWriter block(group, "jpeg", Element::kUint8, {static_cast<std::uint64_t>(offsets.back())});
  for (std::int64_t i = 0; i < data.size(); ++i) {
    const auto bytes = data.jpeg(i, file);
    const auto place = static_cast<std::size_t>(i);
    if (static_cast<std::int64_t>(bytes.size()) != offsets[place + 1] - offsets[place]) {
      throw core::Error(fmt::format("{}: changed while it was packed; pack again", data.file_name(i)));
    }
    block.append(std::as_bytes(bytes));
  }
}

void write_part(core::hdf5::File& root, std::string_view name, const ImageDataset& data, PackedForm form) {
  Group group = root.create_group(name);
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < data.size(); ++i)
    labels.push_back(data.label(i));
  write_numbers(group, "labels", labels);
  const auto* files = dynamic_cast<const JpegDataset*>(&data);
  if (files != nullptr && form == PackedForm::kOriginal) {
    write_jpeg(group, *files);
  } else {
    write_pixels(group, data);
  }
}

// ---- reading --------------------------------------------------------------------------------------------------------

std::vector<double> doubles_of(const core::hdf5::File& root, std::string_view name, std::int64_t count) {
  const core::hdf5::Column column = root.open_column(name);
  if (column.rows() == static_cast<std::uint64_t>(count)) return column.read_double(0, column.rows());
  throw core::Error(fmt::format("{}: {} values instead of {}; pack it again", column.label(), column.rows(), count));
}

std::vector<std::string> class_names_of(const core::hdf5::File& root, std::int64_t classes) {
  if (!root.has_column("class_names")) return {};
  const core::hdf5::Column column = root.open_column("class_names");
  if (column.is_variable_text()) throw core::Error(fmt::format("{}: is of variable length", column.label()));
  if (column.rows() == static_cast<std::uint64_t>(classes)) return column.read_text(0, column.rows());
  throw core::Error(fmt::format("{}: {} names of {} classes; pack it again", column.label(), column.rows(), classes));
}

DatasetInfo read_info(const core::hdf5::File& root, std::string_view name) {
  DatasetInfo info{.name = std::string(name), .classes = integer_in(root, "classes", 1, kMostClasses)};
  info.class_names = class_names_of(root, info.classes);
  info.shape = {.channels = integer_in(root, "channels", 1, 3),
                .height = integer_in(root, "height", 1, kMostPixels),
                .width = integer_in(root, "width", 1, kMostPixels)};
  info.normalisation = {.pixel_max = root.double_attribute("pixel_max"),
                        .mean = doubles_of(root, "mean", info.shape.channels),
                        .std = doubles_of(root, "std", info.shape.channels)};
  info.augmentation = {.crop_padding = static_cast<int>(integer_in(root, "crop_padding", 0, kMostPixels)),
                       .mirrors = integer_in(root, "mirrors", 0, 1) == 1};
  return info;
}

class PackedPixels final : public ImageDataset {
 public:
  PackedPixels(DatasetInfo info, std::shared_ptr<const MappedFile> mapping, std::vector<std::int64_t> labels,
               std::span<const std::uint8_t> pixels)
      : ImageDataset(std::move(info)), mapping_(std::move(mapping)), labels_(std::move(labels)), pixels_(pixels) {}

  std::int64_t size() const override { return static_cast<std::int64_t>(labels_.size()); }
  std::int64_t label(std::int64_t index) const override { return labels_[static_cast<std::size_t>(index)]; }
  std::span<const std::uint8_t> pixels(std::int64_t index, std::span<std::uint8_t> scratch) const override {
    const auto bytes = static_cast<std::size_t>(shape().pixels());
    const auto image = pixels_.subspan(static_cast<std::size_t>(index) * bytes, bytes);
    if (shape().channels == 1) return image;
    deinterleave_three(image.data(), shape().height * shape().width, scratch.data());
    return scratch.first(bytes);
  }

 private:
  std::shared_ptr<const MappedFile> mapping_;
  std::vector<std::int64_t> labels_;
  std::span<const std::uint8_t> pixels_;  ///< [N][height][width][channels]
};

class PackedJpeg final : public JpegDataset {
 public:
  PackedJpeg(DatasetInfo info, std::shared_ptr<const MappedFile> mapping, std::string label,
             std::vector<std::int64_t> labels, std::vector<std::int64_t> offsets, std::span<const std::uint8_t> files)
      : JpegDataset(std::move(info)),
        mapping_(std::move(mapping)),
        label_(std::move(label)),
        labels_(std::move(labels)),
        offsets_(std::move(offsets)),
        files_(files) {}

  std::int64_t size() const override { return static_cast<std::int64_t>(labels_.size()); }
  std::int64_t label(std::int64_t index) const override { return labels_[static_cast<std::size_t>(index)]; }
  std::span<const std::uint8_t> jpeg(std::int64_t index, std::vector<std::uint8_t>& /*buffer*/) const override {
    const auto first = static_cast<std::size_t>(offsets_[static_cast<std::size_t>(index)]);
    const auto end = static_cast<std::size_t>(offsets_[static_cast<std::size_t>(index) + 1]);
    return files_.subspan(first, end - first);
  }
  std::string file_name(std::int64_t index) const override { return fmt::format("{}/jpeg, image {}", label_, index); }

 private:
  std::shared_ptr<const MappedFile> mapping_;
  std::string label_;
  std::vector<std::int64_t> labels_;
  std::vector<std::int64_t> offsets_;
  std::span<const std::uint8_t> files_;
};

std::shared_ptr<const ImageDataset> open_part(const PackedFile& file, const DatasetInfo& info, std::string_view name) {
  const Group group = file.root().open_group(name);
  std::vector<std::int64_t> labels = read_numbers(group, "labels");
  check_labels(labels, info.classes, group.label());
  if (group.has_column("jpeg")) {
    std::vector<std::int64_t> offsets = read_numbers(group, "offsets");
    const MappedBlock files = file.block(group, "jpeg", Element::kUint8);
    check_offsets(offsets, labels.size(), files.bytes.size(), group.label());
    if (info.shape.channels != 3) throw core::Error(fmt::format("{}: JPEG files have 3 channels", group.label()));
    return std::make_shared<PackedJpeg>(info, file.mapping(), group.label(), std::move(labels), std::move(offsets),
                                        files.bytes);
  }
  const MappedBlock pixels = file.block(group, "pixels", Element::kUint8);
  const std::vector<std::uint64_t> wanted{labels.size(), static_cast<std::uint64_t>(info.shape.height),
                                          static_cast<std::uint64_t>(info.shape.width),
                                          static_cast<std::uint64_t>(info.shape.channels)};
  if (pixels.extents != wanted || info.shape.channels == 2) {
    throw core::Error(
        fmt::format("{}/pixels: is not {} images of the size that the file names", group.label(), labels.size()));
  }
  return std::make_shared<PackedPixels>(info, file.mapping(), std::move(labels), pixels.bytes);
}

}  // namespace

void write_packed_images(PackedWriter& writer, const ImageDatasets& datasets, PackedForm form) {
  write_info(writer.root(), *datasets.train);
  write_part(writer.root(), "train", *datasets.train, form);
  write_part(writer.root(), "validation", *datasets.validation, form);
}

ImageDatasets open_packed_images(const PackedFile& file) {
  const DatasetInfo info = read_info(file.root(), file.data());
  return {.train = open_part(file, info, "train"), .validation = open_part(file, info, "validation")};
}

}  // namespace trainyard::data

#include "data/resized.h"

#include <utility>

namespace trainyard::data {
namespace {

DatasetInfo info(const ImageDataset& original, std::int64_t image_size) {
  const ImageShape& shape = original.shape();
  DatasetInfo info{.name = original.name(),
                   .classes = original.classes(),
                   .class_names = original.class_names(),
                   .shape = {.channels = shape.channels, .height = image_size, .width = image_size},
                   .normalisation = original.normalisation(),
                   .augmentation = original.augmentation()};
  info.augmentation.crop_padding = static_cast<int>(info.augmentation.crop_padding * image_size / shape.width);
  return info;
}

/// One thread's room for an image of the original and for the resizer.
struct Room {
  std::vector<std::uint8_t> pixels;
  std::vector<std::uint8_t> rows;
};

}  // namespace

Resized::Resized(std::shared_ptr<const ImageDataset> original, std::int64_t image_size)
    : ImageDataset(info(*original, image_size)),
      original_(std::move(original)),
      resizer_(original_->shape().width, image_size) {}

std::span<const std::uint8_t> Resized::pixels(std::int64_t index, std::span<std::uint8_t> scratch) const {
  thread_local Room room;
  room.pixels.resize(static_cast<std::size_t>(original_->shape().pixels()));
  const std::uint8_t* plane = original_->pixels(index, room.pixels).data();
  const std::int64_t from = original_->shape().width;
  std::uint8_t* out = scratch.data();
  for (std::int64_t c = 0; c < shape().channels; ++c) {
    resizer_.resize(plane, room.rows, out);
    plane += from * from;
    out += shape().height * shape().width;
  }
  return scratch.first(static_cast<std::size_t>(shape().pixels()));
}

}  // namespace trainyard::data

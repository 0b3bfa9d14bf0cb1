#pragma once

#include <memory>

#include "data/dataset.h"
#include "data/resize.h"

namespace trainyard::data {

/// A data set of square images at another size (see Resizer). The padding of its random crop keeps its share of a side.
class Resized final : public ImageDataset {
 public:
  Resized(std::shared_ptr<const ImageDataset> original, std::int64_t image_size);

  std::int64_t size() const override { return original_->size(); }
  std::int64_t label(std::int64_t index) const override { return original_->label(index); }
  std::span<const std::uint8_t> pixels(std::int64_t index, std::span<std::uint8_t> scratch) const override;

 private:
  std::shared_ptr<const ImageDataset> original_;
  Resizer resizer_;
};

}  // namespace trainyard::data

#include <ATen/ops/from_blob.h>

#include <array>
#include <utility>
#include <vector>

#include "data/augment.h"
#include "data/input_maker.h"
#include "data/loader.h"
#include "data/normaliser.h"

namespace trainyard::data {
namespace {

class ImageMaker final : public InputMaker {
 public:
  ImageMaker(std::shared_ptr<const ImageDataset> dataset, const LoaderOptions& options,
             std::shared_ptr<BufferSource> buffers)
      : dataset_(std::move(dataset)),
        options_(options),
        buffers_(std::move(buffers)),
        normaliser_(dataset_->shape(), options.normalisation.value_or(dataset_->normalisation())),
        scratch_(static_cast<std::size_t>(dataset_->shape().pixels())),
        augmented_(scratch_.size()) {}

  at::Tensor make(std::span<const std::int64_t> samples, std::int64_t epoch) override {
    const std::shared_ptr<void> buffer = buffers_->acquire();
    auto* image = static_cast<float*>(buffer.get());
    for (const std::int64_t sample : samples) {
      write(sample, epoch, image);
      image += dataset_->shape().pixels();
    }
    return to_tensor(buffer, static_cast<std::int64_t>(samples.size()));
  }

 private:
  void write(std::int64_t sample, std::int64_t epoch, float* out) {
    const ImageShape& shape = dataset_->shape();
    const std::uint8_t* pixels = dataset_->pixels(sample, scratch_).data();
    if (options_.augment) {
      const Augmentation augmentation = draw_augmentation(dataset_->augmentation(), options_.seed, epoch, sample);
      const std::int64_t plane = shape.height * shape.width;
      for (std::int64_t c = 0; c < shape.channels; ++c) {
        crop_and_flip(pixels + c * plane, shape.height, shape.width, augmentation, augmented_.data() + c * plane);
      }
      pixels = augmented_.data();
    }
    if (options_.channels_last) {
      normaliser_.to_interleaved(pixels, out);
    } else {
      normaliser_.to_planar(pixels, out);
    }
  }

  at::Tensor to_tensor(const std::shared_ptr<void>& buffer, std::int64_t count) const {
    const auto [channels, height, width] = dataset_->shape();
    const std::array<std::int64_t, 4> sizes{count, channels, height, width};
    const std::int64_t image = channels * height * width;
    const std::array<std::int64_t, 4> strides = options_.channels_last
                                                    ? std::array<std::int64_t, 4>{image, 1, width * channels, channels}
                                                    : std::array<std::int64_t, 4>{image, height * width, width, 1};
    // The deleter owns the buffer: it goes back when the last tensor that looks at it dies.
    return at::from_blob(
        buffer.get(), sizes, strides, [owner = buffer](void*) {}, at::kFloat);
  }

  const std::shared_ptr<const ImageDataset> dataset_;
  const LoaderOptions options_;
  const std::shared_ptr<BufferSource> buffers_;
  const Normaliser normaliser_;
  std::vector<std::uint8_t> scratch_;
  std::vector<std::uint8_t> augmented_;
};

}  // namespace

std::unique_ptr<InputMaker> make_image_maker(std::shared_ptr<const ImageDataset> dataset, const LoaderOptions& options,
                                             std::shared_ptr<BufferSource> buffers) {
  return std::make_unique<ImageMaker>(std::move(dataset), options, std::move(buffers));
}

std::size_t input_bytes(const ImageDataset& dataset) {
  return sizeof(float) * static_cast<std::size_t>(dataset.shape().pixels());
}

}  // namespace trainyard::data

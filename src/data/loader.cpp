#include "data/loader.h"

#include <ATen/ops/from_blob.h>
#include <fmt/format.h>
#include <pthread.h>

#include <array>
#include <exception>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/signals.h"
#include "data/augment.h"
#include "data/buffer_pool.h"
#include "data/normaliser.h"
#include "data/ordered_queue.h"
#include "data/pinned_buffers.h"

namespace trainyard::data {
namespace {

/// Batches ready or in preparation, per worker: one in preparation and one waiting.
constexpr int kAheadPerWorker = 2;

struct Epoch {
  std::int64_t number = 0;
  std::vector<std::int64_t> order;  ///< sample by position
};

struct PreparedBatch {
  std::shared_ptr<void> images;
  std::shared_ptr<void> labels;
  Slice slice;
};

/// One thread's room for one image.
struct Scratch {
  std::vector<std::uint8_t> pixels;
  std::vector<std::uint8_t> augmented;
};

}  // namespace

class Loader::Implementation {
 public:
  Implementation(std::shared_ptr<const Dataset> dataset, Sampler sampler, const LoaderOptions& options)
      : dataset_(std::move(dataset)),
        sampler_(std::move(sampler)),
        options_(options),
        normaliser_(dataset_->shape(), options.normalisation.value_or(dataset_->normalisation())),
        images_(make_source(sizeof(float) * static_cast<std::size_t>(dataset_->shape().pixels()))),
        labels_(make_source(sizeof(std::int64_t))),
        queue_(static_cast<std::size_t>(options.workers * kAheadPerWorker)),
        scratch_(make_scratch()) {
    if (sampler_.samples() != dataset_->size()) {
      throw core::Error(fmt::format("{}: the sampler is for {} samples, the data set has {}", dataset_->name(),
                                    sampler_.samples(), dataset_->size()));
    }
    const core::SignalBlock block;  // the workers inherit it
    try {
      for (int worker = 0; worker < options_.workers; ++worker) {
        workers_.emplace_back([this, worker] { work(worker); });
      }
    } catch (const std::system_error& error) {
      queue_.close();  // or the workers that did start would never be joined
      throw core::Error(fmt::format("workers = {}: loader thread {} cannot be started: {}", options_.workers,
                                    workers_.size(), error.code().message()));
    }
  }

  ~Implementation() { queue_.close(); }

  const Sampler& sampler() const { return sampler_; }

  void start_epoch(std::int64_t epoch, std::int64_t first_batch) {
    epoch_ = std::make_shared<const Epoch>(Epoch{.number = epoch, .order = sampler_.order(epoch)});
    next_batch_ = first_batch;
    if (options_.workers > 0) queue_.start(epoch_, first_batch, sampler_.batches());
  }

  std::optional<Batch> next() {
    std::optional<PreparedBatch> prepared;
    if (options_.workers > 0) {
      prepared = queue_.take();
    } else if (epoch_ && next_batch_ < sampler_.batches()) {
      prepared = prepare(*epoch_, next_batch_, scratch_);
      ++next_batch_;
    }
    if (!prepared) return std::nullopt;
    return to_batch(std::move(*prepared));
  }

 private:
  std::unique_ptr<BufferSource> make_source(std::size_t bytes_per_sample) const {
    const std::size_t bytes = bytes_per_sample * static_cast<std::size_t>(sampler_.batch_size());
    if (options_.pin_memory) return make_pinned_buffers(bytes);
    return std::make_unique<BufferPool>(bytes);
  }

  Scratch make_scratch() const {
    const auto pixels = static_cast<std::size_t>(dataset_->shape().pixels());
    return {.pixels = std::vector<std::uint8_t>(pixels), .augmented = std::vector<std::uint8_t>(pixels)};
  }

  void work(int worker) {
    // A name is for profilers only, so a failure is not worth a word.
    static_cast<void>(::pthread_setname_np(::pthread_self(), fmt::format("loader-{}", worker % 1000).c_str()));
    Scratch scratch = make_scratch();
    while (const auto ticket = queue_.claim()) {
      try {
        queue_.put(*ticket, prepare(*ticket->job, ticket->index, scratch));
      } catch (...) {
        queue_.fail(*ticket, std::current_exception());
      }
    }
  }

  PreparedBatch prepare(const Epoch& epoch, std::int64_t batch, Scratch& scratch) const {
    PreparedBatch prepared{.images = images_->acquire(), .labels = labels_->acquire(), .slice = sampler_.slice(batch)};
    auto* image = static_cast<float*>(prepared.images.get());
    auto* label = static_cast<std::int64_t*>(prepared.labels.get());
    for (std::int64_t i = 0; i < prepared.slice.count; ++i) {
      const std::int64_t sample = epoch.order[static_cast<std::size_t>(prepared.slice.first + i)];
      *label++ = dataset_->label(sample);
      write_image(epoch.number, sample, scratch, image);
      image += dataset_->shape().pixels();
    }
    return prepared;
  }

  void write_image(std::int64_t epoch, std::int64_t sample, Scratch& scratch, float* out) const {
    const ImageShape& shape = dataset_->shape();
    const std::uint8_t* pixels = dataset_->pixels(sample, scratch.pixels).data();
    if (options_.augment) {
      const Augmentation augmentation = draw_augmentation(dataset_->augmentation(), options_.seed, epoch, sample);
      const std::int64_t plane = shape.height * shape.width;
      for (std::int64_t c = 0; c < shape.channels; ++c) {
        crop_and_flip(pixels + c * plane, shape.height, shape.width, augmentation,
                      scratch.augmented.data() + c * plane);
      }
      pixels = scratch.augmented.data();
    }
    if (options_.channels_last) {
      normaliser_.to_interleaved(pixels, out);
    } else {
      normaliser_.to_planar(pixels, out);
    }
  }

  Batch to_batch(PreparedBatch prepared) const {
    const auto [channels, height, width] = dataset_->shape();
    const std::int64_t count = prepared.slice.count;
    const std::array<std::int64_t, 4> sizes{count, channels, height, width};
    const std::int64_t image = channels * height * width;
    const std::array<std::int64_t, 4> strides = options_.channels_last
                                                    ? std::array<std::int64_t, 4>{image, 1, width * channels, channels}
                                                    : std::array<std::int64_t, 4>{image, height * width, width, 1};
    // The deleter owns the buffer: it goes back when the last tensor that looks at it dies.
    return {.images = at::from_blob(
                prepared.images.get(), sizes, strides, [owner = prepared.images](void*) {}, at::kFloat),
            .labels = at::from_blob(
                prepared.labels.get(), {count}, [owner = prepared.labels](void*) {}, at::kLong),
            .global_samples = prepared.slice.global_count};
  }

  const std::shared_ptr<const Dataset> dataset_;
  const Sampler sampler_;
  const LoaderOptions options_;
  const Normaliser normaliser_;
  const std::unique_ptr<BufferSource> images_;
  const std::unique_ptr<BufferSource> labels_;
  OrderedQueue<Epoch, PreparedBatch> queue_;
  // In line alone.
  Scratch scratch_;
  std::shared_ptr<const Epoch> epoch_;
  std::int64_t next_batch_ = 0;
  std::vector<std::jthread> workers_;  // last: joined before anything they use is gone
};

Loader::Loader(std::shared_ptr<const Dataset> dataset, Sampler sampler, const LoaderOptions& options)
    : implementation_(std::make_unique<Implementation>(std::move(dataset), std::move(sampler), options)) {}

Loader::~Loader() = default;

std::int64_t Loader::batches() const {
  return implementation_->sampler().batches();
}

const Sampler& Loader::sampler() const {
  return implementation_->sampler();
}

void Loader::start_epoch(std::int64_t epoch, std::int64_t first_batch) {
  implementation_->start_epoch(epoch, first_batch);
}

std::optional<Batch> Loader::next() {
  return implementation_->next();
}

}  // namespace trainyard::data

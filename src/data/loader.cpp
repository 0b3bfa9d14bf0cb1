#include "data/loader.h"

#include <ATen/ops/from_blob.h>
#include <fmt/format.h>
#include <pthread.h>

#include <exception>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/signals.h"
#include "data/buffer_pool.h"
#include "data/input_maker.h"
#include "data/ordered_queue.h"
#include "data/pinned_buffers.h"
#include "data/random.h"

namespace trainyard::data {
namespace {

/// Batches ready or in preparation, per worker: one in preparation and one waiting.
constexpr int kAheadPerWorker = 2;

struct Epoch {
  std::int64_t number = 0;
  std::vector<std::int64_t> order;  ///< sample by position
};

}  // namespace

class Loader::Implementation {
 public:
  Implementation(std::shared_ptr<const Dataset> dataset, Sampler sampler, const LoaderOptions& options)
      : dataset_(std::move(dataset)),
        sampler_(std::move(sampler)),
        options_(options),
        inputs_(make_source(sample_bytes())),
        labels_(make_source(sizeof(std::int64_t))),
        queue_(static_cast<std::size_t>(options.workers * kAheadPerWorker)),
        in_line_(make_maker()) {
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
    if (options_.workers > 0) return queue_.take();
    if (!epoch_ || next_batch_ >= sampler_.batches()) return std::nullopt;
    Batch batch = prepare(*epoch_, next_batch_, *in_line_);
    ++next_batch_;
    return batch;
  }

 private:
  std::size_t sample_bytes() const {
    if (const auto* tokens = dynamic_cast<const TokenDataset*>(dataset_.get())) return input_bytes(*tokens);
    return input_bytes(dynamic_cast<const ImageDataset&>(*dataset_));
  }

  std::unique_ptr<InputMaker> make_maker() const {
    if (auto tokens = std::dynamic_pointer_cast<const TokenDataset>(dataset_)) {
      return make_token_maker(std::move(tokens), inputs_);
    }
    return make_image_maker(std::dynamic_pointer_cast<const ImageDataset>(dataset_), options_, inputs_);
  }

  std::shared_ptr<BufferSource> make_source(std::size_t bytes_per_sample) const {
    const std::size_t bytes = bytes_per_sample * static_cast<std::size_t>(sampler_.batch_size());
    if (options_.pin_memory) return make_pinned_buffers(bytes);
    return std::make_shared<BufferPool>(bytes);
  }

  void work(int worker) {
    // A name is for profilers only, so a failure is not worth a word.
    static_cast<void>(::pthread_setname_np(::pthread_self(), fmt::format("loader-{}", worker % 1000).c_str()));
    const std::unique_ptr<InputMaker> maker = make_maker();
    while (const auto ticket = queue_.claim()) {
      try {
        queue_.put(*ticket, prepare(*ticket->job, ticket->index, *maker));
      } catch (...) {
        queue_.fail(*ticket, std::current_exception());
      }
    }
  }

  Batch prepare(const Epoch& epoch, std::int64_t index, InputMaker& maker) const {
    const Slice slice = sampler_.slice(index);
    const std::span samples =
        std::span(epoch.order).subspan(static_cast<std::size_t>(slice.first), static_cast<std::size_t>(slice.count));
    const std::shared_ptr<void> buffer = labels_->acquire();
    auto* label = static_cast<std::int64_t*>(buffer.get());
    for (const std::int64_t sample : samples)
      *label++ = dataset_->label(sample);
    return {.inputs = maker.make(samples, epoch.number),
            .labels = at::from_blob(
                buffer.get(), {slice.count}, [owner = buffer](void*) {}, at::kLong),
            .global_samples = slice.global_count,
            .random_key = random_bits(RandomStream::kTraining, options_.seed, epoch.number, slice.first)};
  }

  const std::shared_ptr<const Dataset> dataset_;
  const Sampler sampler_;
  const LoaderOptions options_;
  const std::shared_ptr<BufferSource> inputs_;
  const std::shared_ptr<BufferSource> labels_;
  OrderedQueue<Epoch, Batch> queue_;
  // In line alone.
  std::unique_ptr<InputMaker> in_line_;
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

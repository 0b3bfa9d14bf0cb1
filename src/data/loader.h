#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "data/batch.h"
#include "data/dataset.h"
#include "data/sampler.h"

namespace trainyard::data {

struct LoaderOptions {
  int workers = 0;             ///< threads; 0 prepares each batch inside next()
  std::uint64_t seed = 0;      ///< of augmentation and the batches' random keys
  bool augment = false;        ///< random crop and flip, by the data set's rules
  bool channels_last = false;  ///< memory format of images; the sizes stay [n, channels, height, width]
  bool pin_memory = false;     ///< page-locked batches for asynchronous copies; needs CUDA
  std::optional<Normalisation> normalisation = std::nullopt;  ///< none: the data set's
};

/// Batches of a data set in the sampler's order, prepared ahead of time by worker threads. What comes out depends on
/// the sampler, seed and epoch alone: not on workers or their timing. One thread calls start_epoch() and next().
class Loader {
 public:
  /// @throws core::UsageError where pin_memory is asked for and LibTorch finds no CUDA device; core::Error where the
  ///         sampler is for another number of samples than the data set has.
  Loader(std::shared_ptr<const Dataset> dataset, Sampler sampler, const LoaderOptions& options);
  /// Returns once the batches being prepared are done or abandoned, in the middle of an epoch too.
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// Batches in an epoch, the same on every rank.
  std::int64_t batches() const;
  const Sampler& sampler() const;

  /// Begins `epoch` (counted from 0) at batch `first_batch`; what is left of an earlier epoch is abandoned.
  void start_epoch(std::int64_t epoch, std::int64_t first_batch = 0);
  /// The next batch, or nothing after the epoch's last one. n is 0 only in validation.
  /// @throws what a worker threw while it prepared this batch; the epoch is then over and rethrows until restarted.
  std::optional<Batch> next();

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace trainyard::data

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace trainyard::data {

/// How the samples of an epoch are divided. `ranks` counts data-parallel replicas and `rank` is one of them.
struct SamplerOptions {
  std::int64_t samples = 0;     ///< in the data set
  std::int64_t batch_size = 0;  ///< samples per rank and batch
  int rank = 0;
  int ranks = 1;
  std::uint64_t seed = 0;  ///< of the order; validation keeps the data set's own order
  /// Of each sample, where a training batch shall have samples of similar length; null: any order will do.
  std::shared_ptr<const std::vector<std::int32_t>> lengths = nullptr;
};

/// Positions [first, first + count) of the epoch's order, which are this rank's part of a global batch.
struct Slice {
  std::int64_t first = 0;
  std::int64_t count = 0;
  std::int64_t global_count = 0;  ///< over all ranks

  bool operator==(const Slice&) const = default;
};

/// Which samples a rank takes, batch by batch. The order is a pure function of (seed, epoch), the same on every rank,
/// and every rank has the same number of batches, so that each batch can end in a collective.
class Sampler {
 public:
  /// Shuffled anew each epoch. Global batch g is the positions [g*G, (g+1)*G) with G = ranks * batch_size, of which
  /// each rank takes a contiguous slice. What is left at the epoch's end is divided evenly (counts differ by at most
  /// one); where that would leave a rank fewer than two samples (batch normalisation needs two) it is dropped.
  /// @throws core::UsageError when there are fewer than two samples a rank.
  static Sampler training(const SamplerOptions& options);

  /// In the data set's order: each rank walks its own contiguous shard, nothing padded or repeated. The last batches of
  /// a rank may be empty where another rank still has samples.
  static Sampler validation(const SamplerOptions& options);

  /// In the data set.
  std::int64_t samples() const { return options_.samples; }
  /// The most samples a slice has.
  std::int64_t batch_size() const { return options_.batch_size; }
  /// Batches in an epoch, the same on every rank.
  std::int64_t batches() const { return batches_; }
  /// Samples an epoch visits over all ranks: all but the dropped ones.
  std::int64_t epoch_samples() const { return options_.samples - dropped_; }
  /// Samples an epoch leaves out; other ones each epoch.
  std::int64_t dropped() const { return dropped_; }
  /// This rank's part of batch `batch` in [0, batches()).
  Slice slice(std::int64_t batch) const;
  /// Sample index by position, of the whole data set, for this epoch.
  std::vector<std::int64_t> order(std::int64_t epoch) const;

 private:
  enum class Kind { kTraining, kValidation };
  Sampler(Kind kind, const SamplerOptions& options);

  Kind kind_;
  SamplerOptions options_;
  std::int64_t batches_ = 0;
  std::int64_t dropped_ = 0;
};

/// The numbers 0..count-1 shuffled: a pure function of (seed, epoch), the same on every machine and compiler.
std::vector<std::int64_t> shuffled_order(std::int64_t count, std::uint64_t seed, std::int64_t epoch);

}  // namespace trainyard::data

#include "data/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "core/error.h"
#include "data/length_groups.h"
#include "data/random.h"

namespace trainyard::data {
namespace {

void check(const SamplerOptions& options) {
  if (options.batch_size < 1) {
    throw core::UsageError(fmt::format("batch-size is {}: it must be at least 1", options.batch_size));
  }
  if (options.ranks < 1 || options.rank < 0 || options.rank >= options.ranks) {
    throw core::UsageError(
        fmt::format("rank {} of {}: a rank is 0 or more and below their number", options.rank, options.ranks));
  }
  if (options.samples < 1) {
    throw core::UsageError("the data set has no samples");
  }
}

/// Why there are too few training samples: each rank needs two, for batch normalisation.
std::string refusal(const SamplerOptions& options) {
  const std::int64_t most_ranks = options.samples / 2;
  if (most_ranks == 0) return "training needs at least 2 samples; the data set has 1";
  return fmt::format(
      "more ranks than samples: {} training samples give {} ranks fewer than two each; start at most {} rank{}",
      options.samples, options.ranks, most_ranks, most_ranks == 1 ? "" : "s");
}

}  // namespace

Sampler Sampler::training(const SamplerOptions& options) {
  check(options);
  if (options.samples < 2 * static_cast<std::int64_t>(options.ranks)) {
    throw core::UsageError(refusal(options));
  }
  return Sampler(Kind::kTraining, options);
}

Sampler Sampler::validation(const SamplerOptions& options) {
  check(options);
  return Sampler(Kind::kValidation, options);
}

Sampler::Sampler(Kind kind, const SamplerOptions& options) : kind_(kind), options_(options) {
  if (kind_ == Kind::kTraining) {
    const std::int64_t global_batch = options_.ranks * options_.batch_size;
    const std::int64_t tail = options_.samples % global_batch;
    // With batch-size 1 every batch is that small, so the tail need not be larger.
    const bool keeps_tail = tail / options_.ranks >= std::min<std::int64_t>(2, options_.batch_size);
    batches_ = options_.samples / global_batch + (keeps_tail ? 1 : 0);
    dropped_ = keeps_tail ? 0 : tail;
  } else {
    const std::int64_t largest_shard = (options_.samples + options_.ranks - 1) / options_.ranks;
    batches_ = (largest_shard + options_.batch_size - 1) / options_.batch_size;
  }
}

Slice Sampler::slice(std::int64_t batch) const {
  const std::int64_t ranks = options_.ranks;
  const std::int64_t rank = options_.rank;
  const std::int64_t batch_size = options_.batch_size;
  if (kind_ == Kind::kTraining) {
    const std::int64_t start = batch * ranks * batch_size;
    const std::int64_t global_count = std::min(ranks * batch_size, options_.samples - start);
    const std::int64_t share = global_count / ranks;
    const std::int64_t larger = global_count % ranks;  // the first ranks take one more
    return {.first = start + rank * share + std::min(rank, larger),
            .count = share + (rank < larger ? 1 : 0),
            .global_count = global_count};
  }
  // The first `larger` shards have one sample more.
  const std::int64_t shard = options_.samples / ranks;
  const std::int64_t larger = options_.samples % ranks;
  const std::int64_t walked = batch * batch_size;
  const auto part_of = [&](std::int64_t shard_size) {
    return std::clamp<std::int64_t>(shard_size - walked, 0, batch_size);
  };
  return {.first = rank * shard + std::min(rank, larger) + walked,
          .count = part_of(shard + (rank < larger ? 1 : 0)),
          .global_count = larger * part_of(shard + 1) + (ranks - larger) * part_of(shard)};
}

std::vector<std::int64_t> Sampler::order(std::int64_t epoch) const {
  if (kind_ == Kind::kTraining) {
    std::vector<std::int64_t> shuffled = shuffled_order(options_.samples, options_.seed, epoch);
    if (options_.lengths) {
      const auto global_batch = static_cast<std::size_t>(options_.ranks * options_.batch_size);
      group_by_length(shuffled, *options_.lengths, global_batch,
                      random_bits(RandomStream::kBatchOrder, options_.seed, epoch));
    }
    return shuffled;
  }
  std::vector<std::int64_t> order(static_cast<std::size_t>(options_.samples));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  return order;
}

std::vector<std::int64_t> shuffled_order(std::int64_t count, std::uint64_t seed, std::int64_t epoch) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  const std::uint64_t key = random_bits(RandomStream::kOrder, seed, epoch);
  // Fisher and Yates by hand: what std::shuffle makes of the same generator differs between standard libraries.
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[scale_to(random_bits_at(key, i), i)]);
  }
  return order;
}

}  // namespace trainyard::data

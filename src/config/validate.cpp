#include <fmt/format.h>

#include "config/enum_names.h"
#include "config/parse.h"
#include "core/error.h"

namespace trainyard::config {
namespace {

/// Pixels of a side where the network sees them, and 0 where only the data set knows.
std::int64_t input_pixels(const RunConfig& config) {
  if (config.image_size != 0) return config.image_size;
  switch (config.data) {
    case Data::kDigits:
      return 8;
    case Data::kCifar10:
    case Data::kSynthetic:
      return 32;
  }
  return 0;
}

/// Strategies whose ranks are replicas that train side by side.
bool replicates_over_ranks(StrategyKind strategy) {
  return strategy == StrategyKind::kDdp || strategy == StrategyKind::kZero1 || strategy == StrategyKind::kZero2 ||
         strategy == StrategyKind::kZero3;
}

}  // namespace

void validate(const RunConfig& config) {
  if (config.warmup > static_cast<double>(config.epochs)) {
    throw core::UsageError(fmt::format("warmup = {} is longer than epochs = {}: lower one or raise the other",
                                       config.warmup, config.epochs));
  }
  if (config.sync_batchnorm && !replicates_over_ranks(config.strategy)) {
    throw core::UsageError(
        fmt::format("sync-batchnorm = true works with ddp, zero1, zero2 and zero3, not with strategy = {}",
                    name_of(config.strategy)));
  }
  // The CIFAR stem's three halvings leave one value per channel and sample; batch norm cannot train on a single one.
  if (config.batch_size == 1 && input_pixels(config) <= 8) {
    throw core::UsageError(
        fmt::format("batch-size = 1 leaves batch norm a single value per channel at {} pixels: use 2 or more",
                    input_pixels(config)));
  }
}

void validate_ranks(const RunConfig& config, int ranks) {
  if (config.strategy == StrategyKind::kSingle && ranks != 1) {
    throw core::UsageError(
        fmt::format("strategy = single runs on one rank, not {}: use strategy = ddp, or one rank", ranks));
  }
}

}  // namespace trainyard::config

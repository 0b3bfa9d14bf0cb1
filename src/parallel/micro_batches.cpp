#include "parallel/micro_batches.h"

#include <algorithm>

namespace trainyard::parallel {
namespace {

std::int64_t asked_for(std::int64_t samples, const config::RunConfig& config, int stages) {
  if (config.split_size > 0) return (samples + config.split_size - 1) / config.split_size;
  return config.micro_batches > 0 ? config.micro_batches : kMicroBatchesPerStage * stages;
}

}  // namespace

std::vector<std::int64_t> even_parts(std::int64_t samples, std::int64_t count) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t i = 0; i < count; ++i)
    sizes.push_back(samples / count + (i < samples % count ? 1 : 0));
  return sizes;
}

std::vector<std::int64_t> micro_batch_sizes(std::int64_t samples, const config::RunConfig& config, int stages) {
  const bool single_samples =
      config.split_size == 1 || (config.micro_batches > 0 && config.batch_size < 2 * config.micro_batches);
  const std::int64_t most = std::max<std::int64_t>(1, single_samples ? samples : samples / 2);
  return even_parts(samples, std::min(asked_for(samples, config, stages), most));
}

}  // namespace trainyard::parallel

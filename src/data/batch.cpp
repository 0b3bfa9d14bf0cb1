#include "data/batch.h"

#include "data/random.h"

namespace trainyard::data {

Batch Batch::part(std::int64_t first, std::int64_t count) const {
  return {.inputs = inputs.narrow(0, first, count),
          .labels = labels.narrow(0, first, count),
          .global_samples = global_samples,
          .random_key = random_bits(RandomStream::kTraining, random_key, first)};
}

}  // namespace trainyard::data

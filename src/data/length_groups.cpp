#include "data/length_groups.h"

#include <algorithm>
#include <utility>

#include "data/random.h"

namespace trainyard::data {

void group_by_length(std::span<std::int64_t> order, std::span<const std::int32_t> lengths, std::size_t batch,
                     std::uint64_t key) {
  const std::size_t batches = order.size() / batch;
  const auto length_of = [&](std::int64_t sample) { return lengths[static_cast<std::size_t>(sample)]; };
  for (std::size_t first = 0; first < batches; first += kBatchesOfAGroup) {
    const std::size_t count = std::min(kBatchesOfAGroup, batches - first);
    std::ranges::stable_sort(order.subspan(first * batch, count * batch), {}, length_of);
  }
  // Fisher and Yates over whole batches.
  for (std::size_t i = batches; i > 1; --i) {
    const auto other = static_cast<std::size_t>(scale_to(random_bits_at(key, i), i));
    if (other == i - 1) continue;
    std::ranges::swap_ranges(order.subspan((i - 1) * batch, batch), order.subspan(other * batch, batch));
  }
}

}  // namespace trainyard::data

#pragma once

#include <algorithm>
#include <cstddef>
#include <thread>
#include <vector>

namespace trainyard::report {

/// Ranks that are worth a thread where each has thousands of steps.
inline constexpr std::size_t kRanksAThread = 32;

/// Calls `use(begin, end)` for parts that together are [0, count), each in a thread of its own: as many as there are
/// cores, each of at least `fewest`. `use` must not throw.
template <class Use>
void in_parallel(std::size_t count, std::size_t fewest, Use use) {
  const std::size_t cores = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 16);
  const std::size_t parts = std::clamp<std::size_t>(count / fewest, 1, cores);
  std::vector<std::jthread> threads;
  for (std::size_t part = 1; part < parts; ++part)
    threads.emplace_back([=] { use(part * count / parts, (part + 1) * count / parts); });
  use(0, count / parts);
}

}  // namespace trainyard::report

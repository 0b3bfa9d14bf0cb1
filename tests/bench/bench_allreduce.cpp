// Our all_reduce and a bare MPI_Allreduce, in alternation in one process a rank, as allreduce_vs_peers.py starts it:
//   bench_allreduce ITERATIONS BYTES...
// Rank 0 prints a line a size: bytes, and the medians over the iterations of the slowest rank's time, ours and MPI's,
// us.
#include <ATen/ops/ones.h>
#include <mpi.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "comm/bootstrap.h"
#include "comm/values.h"
#include "core/clock.h"

namespace {

using trainyard::comm::ReduceOp;
using trainyard::comm::World;

constexpr int kWarmUp = 5;

double timed_us(const World& world, const std::function<void()>& body) {
  world.control->barrier();
  const std::int64_t start_ns = trainyard::core::steady_ns();
  body();
  return static_cast<double>(trainyard::core::steady_ns() - start_ns) / 1e3;
}

struct Times {
  double median_us;
  double best_us;
};

Times of_slowest(const World& world, std::vector<double> times_us) {
  trainyard::comm::all_reduce(*world.control, times_us, ReduceOp::kMax);
  std::ranges::sort(times_us);
  return {times_us[times_us.size() / 2], times_us.front()};
}

void measure(const World& world, int iterations, std::int64_t bytes) {
  const at::Tensor tensor = at::ones({bytes / 4}, at::kFloat);
  const auto ours = [&] { world.data->all_reduce(tensor, ReduceOp::kSum)->wait(); };
  const auto bare = [&] {
    const int code = MPI_Allreduce(MPI_IN_PLACE, tensor.data_ptr(), static_cast<int>(tensor.numel()), MPI_FLOAT,
                                   MPI_SUM, MPI_COMM_WORLD);
    if (code != MPI_SUCCESS) throw std::runtime_error("MPI_Allreduce failed");
  };
  std::vector<double> ours_us;
  std::vector<double> bare_us;
  for (int i = 0; i < kWarmUp + iterations; ++i) {
    tensor.fill_(1);  // sums that grow on would end as infinities
    const double our_time_us = timed_us(world, ours);
    tensor.fill_(1);
    const double bare_time_us = timed_us(world, bare);
    if (i < kWarmUp) continue;
    ours_us.push_back(our_time_us);
    bare_us.push_back(bare_time_us);
  }
  const Times our_times = of_slowest(world, ours_us);
  const Times bare_times = of_slowest(world, bare_us);
  if (world.rank == 0)
    std::printf("%lld %.3f %.3f %.3f %.3f\n", static_cast<long long>(bytes), our_times.median_us, our_times.best_us,
                bare_times.median_us, bare_times.best_us);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 3) throw std::runtime_error("usage: bench_allreduce ITERATIONS BYTES...");
    const World world = trainyard::comm::bootstrap({.device = trainyard::config::DeviceKind::kCpu});
    for (int i = 2; i < argc; ++i)
      measure(world, std::stoi(argv[1]), std::stoll(argv[i]));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_allreduce: %s\n", error.what());
    trainyard::comm::abort_ranks(1);
  }
}

#include "training/batch_probe.h"

#include <ATen/ops/randint.h>
#include <c10/util/Exception.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "comm/bootstrap.h"
#include "config/parse.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/text.h"
#include "data/datasets.h"
#include "models/model.h"
#include "parallel/strategy.h"
#include "timing/host_memory.h"
#include "timing/memory_probe.h"
#include "timing/step_timer.h"
#include "training/batch_search.h"
#include "training/memory_format.h"
#include "training/model_input.h"

namespace trainyard::training {
namespace {

constexpr std::int64_t kLargestBatch = 65'536;  // the key's own limit
/// Below it batch norm may be left with one value a channel (config::validate).
constexpr std::int64_t kSmallestBatch = 2;

class Probe {
 public:
  Probe(const config::RunConfig& config, const comm::World& world)
      : config_(config), world_(world), data_(data::open(config)) {
    config_.memory_format = memory_format(config_, *data_.train, world_.device);
  }

  /// The peak of one step, with all that a run of this batch-size holds; none where it does not fit.
  std::optional<std::int64_t> peak_of(std::int64_t batch_size) const {
    std::optional<std::int64_t> peak;
    try {
      peak = step(batch_size);
    } catch (const c10::OutOfMemoryError&) {
    }
    timing::release_cached_memory(world_.device);
    return peak;
  }

 private:
  std::int64_t step(std::int64_t batch_size) const {
    timing::reset_device_peak(world_.device);
    const models::InputShape input = model_input(*data_.train);
    const std::int64_t classes = data_.train->classes();
    const auto strategy =
        parallel::make_strategy(config_, models::build(config_, input, classes), world_.device, *world_.data);
    const data::Batch batch{models::random_input(input, batch_size, config_.memory_format),
                            at::randint(classes, {batch_size}, at::kLong), batch_size};
    timing::StepTimer timer(world_.device, core::steady_ns(), [](const log::StepRow&) {});
    timer.start();
    strategy->step({&batch, 1}, config_.lr, timer);
    timer.finish_step({});
    timer.drain();
    return timing::device_memory(world_.device).peak;
  }

  config::RunConfig config_;
  const comm::World& world_;
  data::Datasets data_;
};

std::string format_bytes(double bytes) {
  return core::format_bytes(static_cast<std::uint64_t>(std::max(0.0, bytes)));
}

}  // namespace

int probe_batch(const config::RunConfig& config, std::int64_t memory_mib) {
  timing::count_host_memory();
  const comm::World world = comm::bootstrap({.device = config.device});
  if (world.size != 1) {
    throw core::UsageError("--probe-batch tries one rank's step: start it without a launcher, or with one rank");
  }
  config::validate_ranks(config, 1);
  if (world.device.is_cpu() && memory_mib == 0) {
    throw core::UsageError("--probe-batch on a CPU needs --probe-memory, such as 4G: the bytes that tensors may take");
  }
  const std::int64_t memory_bytes = timing::limit_device_memory(world.device, memory_mib << 20);
  const Probe probe(config, world);
  const std::optional<Fit> fit =
      largest_batch(kSmallestBatch, kLargestBatch, memory_bytes, [&](std::int64_t batch_size) {
        const std::optional<std::int64_t> peak = probe.peak_of(batch_size);
        fmt::print("batch-size {}: {}\n", batch_size,
                   peak ? "peak " + format_bytes(static_cast<double>(*peak)) : "does not fit");
        return peak;
      });
  const std::string memory = format_bytes(static_cast<double>(memory_bytes));
  if (!fit) throw core::Error(fmt::format("not even batch-size {} fits into {}", kSmallestBatch, memory));
  fmt::print("largest batch-size in {} on {}: {} (peak {}, {} a sample)\n", memory, world.device.str(), fit->batch_size,
             format_bytes(static_cast<double>(fit->peak_bytes)), format_bytes(fit->bytes_per_sample));
  return 0;
}

}  // namespace trainyard::training

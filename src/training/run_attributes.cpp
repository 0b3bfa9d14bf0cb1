#include "training/run_attributes.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <sched.h>
#include <torch/csrc/api/include/torch/version.h>

#include <cmath>
#include <fstream>
#include <string>

#include "comm/values.h"
#include "comm/versions.h"
#include "config/enum_names.h"
#include "config/parse.h"
#include "core/clock.h"
#include "training/trainer.h"

#ifdef TRAINYARD_HAS_CUDA
#include <ATen/cuda/CUDAContext.h>
#endif

namespace trainyard::training {
namespace {

/// The processor's product name as Linux tells it; empty where it does not.
std::string cpu_name() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (!line.starts_with("model name")) continue;
    const std::size_t colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
  return "";
}

std::int64_t allowed_cpus() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 0;
  return CPU_COUNT(&allowed);
}

std::string device_name(at::Device device) {
#ifdef TRAINYARD_HAS_CUDA
  if (device.is_cuda()) return at::cuda::getDeviceProperties(device.index())->name;
#else
  static_cast<void>(device);
#endif
  return cpu_name();
}

}  // namespace

LogZero agree_on_zero(const comm::World& world) {
  LogZero zero{.steady_ns = core::steady_ns(), .unix_ns = core::unix_ns()};
  const std::int64_t zero_of_rank_0 = comm::all_gather(*world.control, zero.steady_ns).front();
  // One moment is s on this rank's clock and s + world.clock_offset_ns on rank 0's.
  zero.clock_offset_ns = zero_of_rank_0 - world.clock_offset_ns - zero.steady_ns;
  return zero;
}

log::RunAttributes describe_place(const config::RunConfig& config, const comm::World& world, const RunFolder& folder,
                                  const LogZero& zero) {
  const comm::Versions versions = comm::library_versions(world);
  log::RunAttributes attributes;
  attributes.run = config.name;
  attributes.job_id = folder.job();
  attributes.restart = folder.restart();
  attributes.rank = world.rank;
  attributes.world_size = world.size;
  attributes.local_rank = world.local_rank;
  attributes.node = world.node;
  attributes.device = world.device.is_cuda() ? "cuda" : "cpu";
  attributes.device_name = device_name(world.device);
  attributes.model = config::name_of(config.model);
  attributes.data = config::name_of(config.data);
  attributes.precision = config::name_of(config.precision);
  attributes.config = config::to_text(config);
  attributes.config_digest = config::config_digest(config);
  attributes.version = TRAINYARD_VERSION;
  attributes.epoch_unix_ns = zero.unix_ns;
  attributes.clock_offset_ns = zero.clock_offset_ns;
  attributes.libtorch_version = TORCH_VERSION;
  attributes.mpi_version = versions.mpi;
  attributes.nccl_version = versions.nccl;
  attributes.cuda_version = versions.cuda;
  attributes.driver_version = versions.driver;
  attributes.cpu_name = cpu_name();
  attributes.cpu_count = allowed_cpus();
  attributes.threads = at::get_num_threads();
  return attributes;
}

log::RunAttributes describe_run(const config::RunConfig& config, const comm::World& world,
                                const parallel::Strategy& strategy, const RunFolder& folder, const LogZero& zero) {
  log::RunAttributes attributes = describe_place(config, world, folder, zero);
  attributes.strategy = config::name_of(config.strategy);
  attributes.precision_note = strategy.precision_note();
  attributes.global_batch = samples_per_step(config, strategy.data_shard());
  if (const int replicas = strategy.data_shard().count; replicas > 1 && replicas < world.size) {
    attributes.collective_sampling = "those among all ranks and between stages, not those among a stage's replicas";
  }
  if (const auto bubble = strategy.predicted_bubble()) {
    attributes.predicted_bubble_ppm = std::llround(*bubble * 1e6);
  }
  return attributes;
}

}  // namespace trainyard::training

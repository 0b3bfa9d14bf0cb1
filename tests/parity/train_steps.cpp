/// Takes optimizer steps on given weights and batches, for comparison with PyTorch in Python (ddp_test.py).
///   train_steps FOLDER MODEL   reads FOLDER/initial.safetensors and FOLDER/batches.safetensors (images float32
///   [steps, ranks * n, C, H, W], labels int64 [steps, ranks * n]), writes FOLDER/trainyard.safetensors: the parameters
///   and buffers after the steps, and `losses` float32 [steps], the mean over the global batch.

#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "comm/bootstrap.h"
#include "comm/values.h"
#include "config/enum_names.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/main.h"
#include "models/safetensors.h"
#include "parallel/strategy.h"

namespace {

namespace fs = std::filesystem;
using namespace trainyard;  // NOLINT: a test program

int steps(const std::vector<std::string>& arguments) {
  if (arguments.size() != 2) throw core::UsageError("usage: train_steps FOLDER MODEL");
  const fs::path folder = arguments[0];
  config::RunConfig config;
  config.model = config::from_name<config::Model>(arguments[1]).value();
  config.strategy = config::StrategyKind::kDdp;
  config.momentum = 0.9;
  config.weight_decay = 1e-4;
  comm::World world = comm::bootstrap({.device = config::DeviceKind::kCpu});

  const models::TensorMap batches = models::load_safetensors(folder / "batches.safetensors");
  const at::Tensor& images = batches.at("images");
  const at::Tensor& labels = batches.at("labels");
  auto model = models::build(config.model, {images.size(2), images.size(3), images.size(4)}, 10, /*seed=*/0);
  models::assign(*model, models::load_safetensors(folder / "initial.safetensors"), folder / "initial.safetensors");

  const auto strategy = parallel::make_strategy(config, std::move(model), world.device, *world.data);
  strategy->synchronise();
  timing::StepTimer timer(world.device, core::steady_ns(), [](const log::StepRow&) {});
  timer.start();
  const std::int64_t global = images.size(1);
  const std::int64_t own = global / world.size;
  std::vector<at::Tensor> losses;
  for (std::int64_t step = 0; step < images.size(0); ++step) {
    const auto part = [&](const at::Tensor& all) { return all.select(0, step).narrow(0, own * world.rank, own); };
    const data::Batch batch{part(images), part(labels), global};
    const parallel::StepResult result = strategy->step({&batch, 1}, /*lr=*/0.0003, timer);
    std::array loss{result.loss_sum.item<double>()};
    comm::all_reduce(*world.control, loss);
    losses.push_back(at::full({}, loss[0] / static_cast<double>(global), at::kFloat));
  }
  models::TensorMap state = strategy->gather_state();
  if (world.rank == 0) {
    state.emplace("losses", at::stack(losses));
    models::save_safetensors(state, folder / "trainyard.safetensors");
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return trainyard::core::run_main(argc, argv, "train_steps", steps);
}

/// Takes optimizer steps on given weights and batches, for comparison with PyTorch in Python (ddp_test.py,
/// roberta_test.py, strategies_test.py).
///   train_steps FOLDER KEY=VALUE...   reads FOLDER/initial.safetensors and FOLDER/batches.safetensors (images float32
///   [steps, n, C, H, W], or int64 token ids [steps, n, L]; labels int64 [steps, n]), writes
///   FOLDER/trainyard.safetensors: the parameters and buffers after the steps, and `losses` float32 [steps], the mean
///   over the n samples. Keys are those of a run. The n samples are cut evenly, first into accumulated batches, then
///   over the data shards.

#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "comm/bootstrap.h"
#include "comm/values.h"
#include "config/options.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/main.h"
#include "models/roberta.h"
#include "models/safetensors.h"
#include "parallel/strategy.h"

namespace {

namespace fs = std::filesystem;
using namespace trainyard;  // NOLINT: a test program

config::RunConfig read_config(std::span<const std::string> assignments) {
  config::RunConfig config;
  for (const std::string& assignment : assignments) {
    const std::size_t equals = assignment.find('=');
    const config::Option* option = config::find_option(assignment.substr(0, equals));
    if (equals == std::string::npos || option == nullptr) throw core::UsageError("not a KEY=VALUE: " + assignment);
    option->set(config, assignment.substr(equals + 1));
  }
  return config;
}

/// A RoBERTa has the sizes of FOLDER/config.json and two classes, a ResNet ten.
std::unique_ptr<models::Model> build(const config::RunConfig& config, const fs::path& folder, const at::Tensor& input) {
  if (!config::reads_text(config.model)) {
    return models::build(config.model, {input.size(2), input.size(3), input.size(4)}, 10, /*seed=*/0);
  }
  return models::build_roberta(models::read_roberta_config(folder / "config.json"), {}, input.size(2), /*seed=*/0);
}

int steps(const std::vector<std::string>& arguments) {
  if (arguments.empty()) throw core::UsageError("usage: train_steps FOLDER KEY=VALUE...");
  const fs::path folder = arguments[0];
  comm::World world = comm::bootstrap({.device = config::DeviceKind::kCpu});

  const models::TensorMap batches = models::load_safetensors(folder / "batches.safetensors");
  const at::Tensor& images = batches.at("images");
  const at::Tensor& labels = batches.at("labels");
  const std::int64_t samples = images.size(1);
  config::RunConfig config = read_config(std::span(arguments).subspan(1));
  auto model = build(config, folder, images);
  models::assign(*model, models::load_safetensors(folder / "initial.safetensors"), folder / "initial.safetensors");

  const auto strategy = parallel::make_strategy(config, std::move(model), world.device, *world.data);
  const parallel::DataShard shard = strategy->data_shard();
  const std::int64_t own = samples / (config.accumulate * shard.count);
  strategy->synchronise();
  timing::StepTimer timer(world.device, core::steady_ns(), [](const log::StepRow&) {});
  timer.start();
  std::vector<at::Tensor> losses;
  for (std::int64_t step = 0; step < images.size(0); ++step) {
    std::vector<data::Batch> parts;
    for (std::int64_t part = 0; part < config.accumulate; ++part) {
      const auto cut = [&](const at::Tensor& all) {
        return all.select(0, step).narrow(0, (part * shard.count + shard.index) * own, own);
      };
      parts.push_back({cut(images), cut(labels), own * shard.count});
    }
    const parallel::StepResult result = strategy->step(parts, config.lr, timer);
    std::array loss{result.loss_sum.defined() ? result.loss_sum.item<double>() : 0.0};
    comm::all_reduce(*world.control, loss);
    losses.push_back(at::full({}, loss[0] / static_cast<double>(samples), at::kFloat));
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

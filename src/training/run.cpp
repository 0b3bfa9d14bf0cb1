#include "training/run.h"

#include <fmt/format.h>

#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "comm/bootstrap.h"
#include "config/enum_names.h"
#include "config/parse.h"
#include "core/error.h"
#include "core/logging.h"
#include "data/datasets.h"
#include "log/writer.h"
#include "models/model.h"
#include "models/safetensors.h"
#include "parallel/strategy.h"
#include "training/agreement.h"
#include "training/run_attributes.h"
#include "training/run_folder.h"
#include "training/trainer.h"

namespace trainyard::training {
namespace {

/// The pieces of one rank's run, in the order in which they are made.
class Run {
 public:
  Run(comm::World& world, config::RunConfig config) : world_(world), config_(std::move(config)) {}

  /// What this rank can find wrong by itself. No collectives.
  void prepare() {
    config::validate_ranks(config_, world_.size);
    data_ = data::open(config_);
    const data::ImageShape& shape = data_.train->shape();
    model_ =
        models::build(config_.model, {shape.channels, shape.height, shape.width}, data_.train->classes(), config_.seed);
  }

  /// Collective.
  void begin() {
    strategy_ = parallel::make_strategy(config_, std::move(model_), world_.device, *world_.data);
    folder_.emplace(config_, *world_.control);
    const LogZero zero = agree_on_zero(world_);
    writer_.emplace(folder_->log_file(world_.rank), describe_run(config_, world_, *strategy_, *folder_, zero));
    trainer_.emplace(config_, world_, data_, *strategy_, *writer_, zero.steady_ns);
  }

  void train() {
    folder_->keep();
    announce();
    const Summary summary = trainer_->run();
    writer_->finish();
    world_.control->barrier();
    if (world_.rank != 0) return;
    models::save_safetensors(strategy_->model(), folder_->root() / "model.safetensors");
    fmt::print("results: {}\n", folder_->root().string());
    fmt::print("validation accuracy: {:.1f} %\n", 100.0 * summary.validation_accuracy);
  }

 private:
  void announce() const {
    if (world_.rank != 0) return;
    core::log_info(fmt::format("{} on {}, {} over {} rank{} on {} node{} ({}), {} on {}, {} samples a step: {}",
                               config::name_of(config_.model), config::name_of(config_.data),
                               config::name_of(config_.strategy), world_.size, world_.size == 1 ? "" : "s",
                               world_.nodes, world_.nodes == 1 ? "" : "s", world_.data->backend(),
                               config::name_of(config_.precision), world_.device.str(),
                               config_.batch_size * strategy_->data_shard().count, folder_->attempt().string()));
    if (!strategy_->precision_note().empty()) core::log_info(strategy_->precision_note());
  }

  comm::World& world_;
  config::RunConfig config_;
  data::Datasets data_;
  std::unique_ptr<models::Model> model_;
  std::unique_ptr<parallel::Strategy> strategy_;
  std::optional<RunFolder> folder_;
  std::optional<log::Writer> writer_;
  std::optional<Trainer> trainer_;
};

/// Ends the run on every rank as agreed: rank 0 says why.
int refuse(const comm::World& world, const Outcome& outcome) {
  if (world.rank != 0) return outcome.exit_code;
  if (outcome.exit_code == 2) throw core::UsageError(outcome.message);
  throw core::Error(outcome.message);
}

}  // namespace

int run(const std::function<config::RunConfig()>& configure) {
  config::RunConfig config;
  std::exception_ptr refusal;
  try {
    config = configure();
  } catch (const core::UsageError&) {
    refusal = std::current_exception();
    config.device = config::DeviceKind::kCpu;  // no device is needed to say what is wrong
  }
  comm::World world = comm::bootstrap({.device = config.device});
  core::set_up_logging({.rank = world.rank,
                        .world_size = world.size,
                        .host = world.node,
                        .level = core::LogLevel::kInfo,
                        .file = std::nullopt});

  Run run(world, config);
  Outcome outcome = agree(world, [&] {
    if (refusal) std::rethrow_exception(refusal);
    run.prepare();
  });
  if (outcome.exit_code == 0) outcome = agree(world, [&] { run.begin(); });
  if (outcome.exit_code != 0) return refuse(world, outcome);

  if (world.size == 1) {
    run.train();
    return 0;
  }
  try {
    run.train();
    return 0;
  } catch (const std::exception& error) {
    // The others wait in a collective for a rank that will not come.
    core::log_error(fmt::format("[rank {} {}] {}", world.rank, world.node, error.what()));
    comm::abort_ranks(1);
  }
}

}  // namespace trainyard::training

#include "training/run.h"

#include <fmt/format.h>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include "comm/bootstrap.h"
#include "config/enum_names.h"
#include "config/parse.h"
#include "core/atomic_file.h"
#include "core/error.h"
#include "core/flight_recorder.h"
#include "core/logging.h"
#include "core/signals.h"
#include "data/datasets.h"
#include "log/writer.h"
#include "models/flops.h"
#include "models/model.h"
#include "models/safetensors.h"
#include "parallel/strategy.h"
#include "precision/policy.h"
#include "timing/device_sampler.h"
#include "timing/host_memory.h"
#include "training/agreement.h"
#include "training/checkpointer.h"
#include "training/device_watch.h"
#include "training/memory_format.h"
#include "training/model_input.h"
#include "training/out_of_memory.h"
#include "training/provenance.h"
#include "training/restarts.h"
#include "training/resume.h"
#include "training/run_attributes.h"
#include "training/run_folder.h"
#include "training/staged_data.h"
#include "training/trainer.h"

namespace trainyard::training {
namespace {

/// The pieces of one rank's run, in the order in which they are made.
class Run {
 public:
  Run(comm::World& world, core::StopRequests& requests, config::RunConfig config)
      : world_(world), requests_(requests), config_(std::move(config)) {}

  /// Before anything is opened or copied. No collectives.
  void check() const { config::validate_ranks(config_, world_.size); }

  bool stages_data() const { return config_.stage_data; }

  /// Collective, as a whole.
  void stage_data() { staged_.emplace(config_, world_); }

  /// What this rank can find wrong by itself. No collectives.
  void prepare() {
    data_ = data::open(staged_ ? staged_->config() : config_);
    config_.memory_format = memory_format(config_, *data_.train, world_.device);
    auto model = models::build(config_, model_input(*data_.train), data_.train->classes());
    model_bytes_ = precision::Policy::make(config_.precision, world_.device).bytes_of(*model);
    flops_per_sample_ = models::training_flops(*model, mean_sample(*data_.train));
    naming_out_of_memory(
        config_, [&] { strategy_ = parallel::make_strategy(config_, std::move(model), world_.device, *world_.data); });
    static_cast<void>(training_sampler(config_, *data_.train, strategy_->data_shard()));  // refuses too few samples
  }

  /// Collective, as a whole.
  void agree_on_start() {
    staged_.reset();  // every rank has the copy mapped
    strategy_->synchronise();
    folder_.emplace(config_, *world_.control);
    zero_ = agree_on_zero(world_);
  }

  /// Collective, as a whole.
  void resume() {
    resumed_ = training::resume(config_, world_, folder_->root(), *strategy_, said_);
    refuse_fruitless_restart(config_, *folder_, resumed_);
  }

  /// Collective until the log is open.
  void open_log() {
    log::RunAttributes attributes = describe_run(config_, world_, *strategy_, *folder_, zero_);
    attributes.model_bytes = model_bytes_;
    attributes.flops_per_sample = flops_per_sample_;
    write_provenance(attributes, world_, folder_->attempt());
    writer_.emplace(folder_->log_file(world_.rank), attributes);
    trainer_.emplace(config_, world_, data_, *strategy_, *writer_, zero_.steady_ns);
    if (resumed_) trainer_->begin_at(cursor_in(config_, trainer_->shape(), resumed_->note, world_.rank, world_.size));
  }

  /// After a start that failed on some rank. Collective: no log is open any more when rank 0 takes the folder away.
  void abandon() {
    trainer_.reset();
    writer_.reset();
    world_.control->barrier();
    folder_.reset();
  }

  /// Returns the exit status.
  int train() {
    folder_->keep();
    if (world_.recorder) {
      world_.recorder->keep_in(folder_->attempt());
      requests_.mark_termination(world_.recorder->state(), static_cast<std::int32_t>(core::RankState::kTerminated));
      world_.control->barrier();  // from here on a rank without a record is one that could not keep it
      if (world_.rank == 0) core::leave_launch_note(folder_->attempt());
    }
    announce();
    if (resumed_) {
      said_.push_back(fmt::format("goes on after step {} of {}", resumed_->note.step, resumed_->checkpoint.string()));
    }
    for (const std::string& line : said_)
      trainer_->tell("restart", line);
    sampler_ = watch_devices(world_.device, config_.devices, *writer_, zero_.steady_ns,
                             [this](const std::string& line) { trainer_->tell("warning", line); });
    Summary summary;
    {
      Checkpointer checkpointer(config_, world_, folder_->root() / "checkpoints", folder_->restart(),
                                [this](const std::string& line) { trainer_->tell("checkpoint", line); });
      naming_out_of_memory(config_, [&] { summary = trainer_->run(checkpointer); });
    }
    sampler_.reset();
    writer_->finish();
    models::TensorMap state;
    if (!summary.stopped) state = strategy_->gather_state();
    world_.control->barrier();
    if (world_.recorder) world_.recorder->discard();
    if (summary.stopped) return stopped(summary);
    if (world_.rank != 0) return 0;
    models::save_safetensors(state, folder_->root() / "model.safetensors");
    fmt::print("results: {}\n", folder_->root().string());
    fmt::print("validation accuracy: {:.1f} %\n", 100.0 * summary.validation_accuracy);
    return 0;
  }

  /// Says why this rank fails in training, unless another one has said why the run does. If it failed in a collective,
  /// the ranks' records tell who did not come to it.
  void complain(const std::exception& error) const {
    world_.recorder->set_state(core::RankState::kFailed);
    std::string line = error.what();
    if (dynamic_cast<const comm::CollectiveError*>(&error) != nullptr) {
      const std::string cause = core::explain_stall(core::read_flight_records(folder_->attempt()));
      if (!cause.empty()) line += "; " + cause;
    } else if (world_.rank == 0) {  // whose lines do not begin with its name
      line = fmt::format("rank 0 on {}: {}", world_.node, line);
    }
    if (core::claim_failure(folder_->attempt(), line)) core::log_error(line);
  }

 private:
  /// The exit status of a run that was asked to stop.
  int stopped(const Summary& summary) const {
    if (world_.rank == 0) {
      core::write_file_atomically(folder_->attempt() / core::kStoppedMark, fmt::format("{}\n", summary.steps));
      fmt::print("results: {}\n", folder_->root().string());
      fmt::print("stopped after step {}: the same command goes on with --output {}\n", summary.steps,
                 folder_->root().string());
    }
    return core::has_launch_note() ? 0 : core::kStoppedStatus;
  }

  void announce() const {
    if (world_.rank != 0) return;
    core::log_info(fmt::format("{} on {}, {} over {} rank{} on {} node{} ({}), {} on {}, {} samples a step: {}",
                               config::name_of(config_.model), config::name_of(config_.data),
                               config::name_of(config_.strategy), world_.size, world_.size == 1 ? "" : "s",
                               world_.nodes, world_.nodes == 1 ? "" : "s", world_.data->backend(),
                               config::name_of(config_.precision), world_.device.str(),
                               samples_per_step(config_, strategy_->data_shard()), folder_->attempt().string()));
    if (!strategy_->precision_note().empty()) core::log_info(strategy_->precision_note());
  }

  comm::World& world_;
  core::StopRequests& requests_;
  config::RunConfig config_;
  std::optional<StagedData> staged_;
  data::Datasets data_;
  std::int64_t model_bytes_ = 0;
  std::int64_t flops_per_sample_ = 0;
  std::unique_ptr<parallel::Strategy> strategy_;
  std::optional<RunFolder> folder_;
  LogZero zero_;
  std::optional<ResumePoint> resumed_;
  std::vector<std::string> said_;  ///< before there was a log
  std::optional<log::Writer> writer_;
  std::optional<Trainer> trainer_;
  std::unique_ptr<timing::DeviceSampler> sampler_;
};

Outcome start(Run& run, const comm::World& world, const std::optional<std::string>& refusal) {
  Outcome outcome = agree(world, [&] {
    if (refusal) throw core::UsageError(*refusal);
    run.check();
  });
  if (outcome.exit_code == 0 && run.stages_data()) outcome = agree(world, [&] { run.stage_data(); });
  if (outcome.exit_code == 0) outcome = agree(world, [&] { run.prepare(); });
  if (outcome.exit_code == 0) outcome = agree(world, [&] { run.agree_on_start(); });
  if (outcome.exit_code == 0) outcome = agree(world, [&] { run.resume(); });
  if (outcome.exit_code == 0) outcome = agree(world, [&] { run.open_log(); });
  if (outcome.exit_code != 0) run.abandon();
  return outcome;
}

/// The rank's life while MPI is up. The outcome's message is for rank 0 to say once MPI has come down in order.
Outcome run_ranks(const config::RunConfig& config, const std::optional<std::string>& refusal,
                  core::StopRequests& requests, bool& speaks) {
  // No device is needed to say what is wrong.
  comm::World world = comm::bootstrap({.device = refusal ? config::DeviceKind::kCpu : config.device,
                                       .deadline = std::chrono::seconds(config.collective_timeout_s)});
  core::set_up_logging(
      {.rank = world.rank, .world_size = world.size, .host = world.node, .level = core::LogLevel::kInfo});
  speaks = world.rank == 0;
  Run run(world, requests, config);
  Outcome outcome = start(run, world, refusal);
  if (outcome.exit_code != 0) return outcome;
  if (world.size == 1) {
    outcome.exit_code = run.train();
    return outcome;
  }
  try {
    outcome.exit_code = run.train();
    return outcome;
  } catch (const std::exception& error) {
    // The others wait in a collective for a rank that will not come.
    run.complain(error);
    comm::abort_ranks(1);
  }
}

}  // namespace

int run(const config::RunConfig& config, const std::optional<std::string>& refusal) {
  timing::count_host_memory();
  core::StopRequests requests;
  bool speaks = true;
  Outcome outcome;
  try {
    outcome = run_ranks(config, refusal, requests, speaks);
  } catch (const comm::RefusedElsewhere&) {
    return 2;  // rank 0 says it
  }
  if (!speaks || outcome.exit_code == 0) return outcome.exit_code;
  if (outcome.exit_code == core::kStoppedStatus) {
    if (!outcome.message.empty()) fmt::print(stderr, "train: {}\n", outcome.message);
    return outcome.exit_code;
  }
  if (outcome.exit_code == 2) throw core::UsageError(outcome.message);
  throw core::Error(outcome.message);
}

}  // namespace trainyard::training

#include "training/trainer.h"

#include <ATen/ops/full.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "comm/values.h"
#include "config/enum_names.h"
#include "core/clock.h"
#include "core/logging.h"
#include "core/text.h"
#include "timing/memory_trace.h"

namespace trainyard::training {
namespace {

using timing::Phase;
using Region = timing::StepTimer::Region;

/// Steps between two rows of /memory and two look-ups of finished collectives. The run's second step is the first of
/// them: the first makes what stays, such as the workspaces of a GPU's libraries.
constexpr std::int64_t kSampleSteps = 64;

/// Seconds. What a save may take after SIGTERM: Slurm's default KillWait, the time until SIGKILL, is 30 s.
constexpr double kTerminationBudget = 20.0;

data::SamplerOptions sampling(const config::RunConfig& config, const data::Dataset& dataset,
                              parallel::DataShard shard) {
  return {.samples = dataset.size(),
          .batch_size = config.batch_size,
          .rank = shard.index,
          .ranks = shard.count,
          .seed = config.seed,
          .lengths = data::lengths_of(dataset)};
}

data::LoaderOptions loading(const config::RunConfig& config, at::Device device, bool augment) {
  data::LoaderOptions options = data::loader_options(config, device.is_cuda());
  options.augment = augment;
  return options;
}

std::int64_t steps_per_epoch(const config::RunConfig& config, std::int64_t batches) {
  return (batches + config.accumulate - 1) / config.accumulate;
}

std::int64_t count_steps(const config::RunConfig& config, std::int64_t batches) {
  const std::int64_t steps = config.epochs * steps_per_epoch(config, batches);
  return config.max_steps > 0 ? std::min(steps, config.max_steps) : steps;
}

log::CollectiveOp log_op(comm::Operation operation) {
  switch (operation) {
    case comm::Operation::kAllReduce:
      return log::CollectiveOp::kAllReduce;
    case comm::Operation::kBroadcast:
      return log::CollectiveOp::kBroadcast;
    case comm::Operation::kAllGather:
      return log::CollectiveOp::kAllGather;
    case comm::Operation::kBarrier:
      return log::CollectiveOp::kBarrier;
    case comm::Operation::kReduceScatter:
      return log::CollectiveOp::kReduceScatter;
    case comm::Operation::kExchange:
      return log::CollectiveOp::kExchange;
    case comm::Operation::kSplit:
      return log::CollectiveOp::kOther;
  }
  return log::CollectiveOp::kOther;
}

}  // namespace

data::Sampler training_sampler(const config::RunConfig& config, const data::Dataset& dataset,
                               parallel::DataShard shard) {
  return data::Sampler::training(sampling(config, dataset, shard));
}

std::int64_t samples_per_step(const config::RunConfig& config, parallel::DataShard shard) {
  return config.batch_size * config.accumulate * shard.count;
}

Trainer::Trainer(const config::RunConfig& config, const comm::World& world, const data::Datasets& data,
                 parallel::Strategy& strategy, log::Writer& writer, std::int64_t log_zero_ns)
    : config_(config),
      world_(world),
      strategy_(strategy),
      writer_(writer),
      log_zero_ns_(log_zero_ns),
      train_loader_(data.train, training_sampler(config, *data.train, strategy.data_shard()),
                    loading(config, world.device, config.augment)),
      validation_loader_(data.validation,
                         data::Sampler::validation(sampling(config, *data.validation, strategy.data_shard())),
                         loading(config, world.device, /*augment=*/false)),
      total_steps_(count_steps(config, train_loader_.batches())),
      schedule_(config, steps_per_epoch(config, train_loader_.batches()), total_steps_),
      progress_({.epochs = config.epochs,
                 .total_steps = total_steps_,
                 .step_samples = samples_per_step(config, strategy.data_shard())},
                world.rank == 0),
      timer_(world.device, log_zero_ns, [this](const log::StepRow& row) {
        writer_.append(row);
        bandwidth_.add_transfer_time(row.transfer_ns);
        progress_.step(row);
      }) {
  if (const std::int64_t dropped = train_loader_.sampler().dropped(); dropped > 0 && world.rank == 0) {
    core::log_info(fmt::format("{} of {} samples are left out of each epoch: too few for a last batch on every rank",
                               dropped, data.train->size()));
  }
}

TrainingShape Trainer::shape() const {
  const parallel::DataShard shard = strategy_.data_shard();
  return {.data_samples = train_loader_.sampler().samples(),
          .batches = train_loader_.batches(),
          .batch_samples = config_.batch_size * shard.count,
          .step_samples = samples_per_step(config_, shard)};
}

void Trainer::begin_at(const Cursor& cursor) {
  start_ = cursor;
  step_ = cursor.step;
  skipped_ = strategy_.skipped_steps();
}

Summary Trainer::run(Checkpointer& checkpointer) {
  Summary summary;
  // At least one: a run may have stopped when only the validation of its last epoch was left.
  for (std::int64_t epoch = start_.epoch; epoch == start_.epoch || step_ < total_steps_; ++epoch) {
    checkpoint_ns_ = 0;
    const std::int64_t start_ns = core::steady_ns();
    const Totals trained = train_epoch(epoch, checkpointer);
    if (stopped_) break;
    const std::int64_t trained_ns = core::steady_ns();
    const std::int64_t train_ns = trained_ns - start_ns - checkpoint_ns_;
    const Totals training = over_ranks(trained);
    const std::int64_t validation_start_ns = core::steady_ns();
    const std::int64_t checkpoint_before_ns = checkpoint_ns_;
    const Totals validated = validate(checkpointer);
    if (stopped_) {
      save_and_stop(checkpointer, epoch, trained);
      break;
    }
    const Totals validation = over_ranks(validated);
    const std::int64_t end_ns = core::steady_ns();

    log::EpochRow row;
    row.epoch = epoch;
    row.start_ns = start_ns - log_zero_ns_;
    row.duration_ns = end_ns - start_ns;
    row.train_ns = train_ns;
    row.validation_ns = end_ns - validation_start_ns - (checkpoint_ns_ - checkpoint_before_ns);
    row.checkpoint_ns = checkpoint_ns_;
    row.train_loss = training.loss_sum / training.samples;
    row.train_accuracy = training.correct / training.samples;
    row.val_loss = validation.loss_sum / validation.samples;
    row.val_accuracy = validation.correct / validation.samples;
    row.lr = schedule_.at(step_ - 1);
    log_collectives();
    row.bus_bandwidth = bandwidth_.bus();
    row.transfer_bandwidth = bandwidth_.transfer();
    bandwidth_.reset();
    writer_.append(row);
    progress_.epoch(row);

    log_skipped_steps(epoch);
    summary.validation_accuracy = row.val_accuracy;
    if (config_.target_accuracy > 0.0 && row.val_accuracy >= config_.target_accuracy && step_ < total_steps_) {
      tell("target", fmt::format("epoch {}: the target accuracy is reached, training ends", epoch + 1));
      break;
    }
  }
  if (checkpointer.under_way()) checkpointer.settle();
  summary.stopped = stopped_;
  summary.steps = step_;
  std::int64_t dropped = world_.data->ledger_dropped();
  if (const auto group = strategy_.group()) dropped += group->communicator->ledger_dropped();
  if (dropped > 0) {
    tell("warning", fmt::format("/collectives lacks {} rows: they came faster than they were logged", dropped));
  }
  return summary;
}

Trainer::Totals Trainer::train_epoch(std::int64_t epoch, Checkpointer& checkpointer) {
  const at::TensorOptions on_device = at::TensorOptions(at::kDouble).device(world_.device);
  Totals totals = epoch == start_.epoch ? start_.sums : Totals();
  at::Tensor loss_sum = at::full({}, totals.loss_sum, on_device);
  at::Tensor correct = at::full({}, totals.correct, on_device);
  const auto read_totals = [&] {
    timer_.drain();
    totals.loss_sum = loss_sum.item<double>();
    totals.correct = correct.item<double>();
  };
  batch_ = epoch == start_.epoch ? start_.batch : 0;
  std::int64_t agreement_ns = 0;  // of the boundary before the step
  timer_.start();
  {
    const Region region(timer_, Phase::kData);
    train_loader_.start_epoch(epoch, batch_);
  }
  while (step_ < total_steps_) {
    const std::vector<data::Batch> batches = next_batches();
    if (batches.empty()) break;
    // Every stage of a pipeline loads a batch, and only two of them copy it.
    if (world_.device.is_cuda() && strategy_.data_shard().count == world_.size) {
      for (const data::Batch& batch : batches)
        bandwidth_.add_transfer(static_cast<std::int64_t>(batch.inputs.nbytes() + batch.labels.nbytes()));
    }
    const bool sampled = step_ % kSampleSteps == std::min<std::int64_t>(1, total_steps_ - 1);
    parallel::StepResult result = sampled ? traced_step(batches) : strategy_.step(batches, schedule_.at(step_), timer_);
    loss_sum.add_(result.loss_sum);
    correct.add_(result.correct);
    totals.samples += static_cast<double>(result.samples);
    timer_.finish_step(
        {.epoch = epoch,
         .step = step_,
         .samples = result.samples,
         .loss = result.samples > 0 ? result.loss_sum.div(static_cast<double>(result.samples)) : at::Tensor(),
         .comm_ns = [works = std::move(result.collectives), agreement_ns] {
           std::int64_t sum_ns = agreement_ns;
           for (const auto& work : works) {
             sum_ns += work->interval().end_ns - work->interval().start_ns;
           }
           return sum_ns;
         }});
    ++step_;
    batch_ += static_cast<std::int64_t>(batches.size());
    if (sampled) log_collectives();
    bool all_written = false;
    {
      // At the beginning of the next step, whose communication it is.
      const Region region(timer_, Phase::kExposedComm);
      const std::int64_t start_ns = core::steady_ns();
      all_written = agree_on_requests(checkpointer);
      agreement_ns = core::steady_ns() - start_ns;
    }
    const bool due = save_wanted_ || checkpointer.due(step_);
    if (!all_written && !is_stop_requested() && !due) continue;
    read_totals();
    if (is_stop_requested()) {
      save_and_stop(checkpointer, epoch, totals);
      return totals;
    }
    if (all_written) settle(checkpointer);
    if (due) save(checkpointer, epoch, totals);
    agreement_ns = 0;  // lies between the steps
    timer_.start();
  }
  read_totals();
  // A run that saves at all can be carried on.
  if (step_ == total_steps_ && checkpointer.saves_the_end() && checkpointer.saved_step() != step_ &&
      !checkpointer.due(step_)) {
    save(checkpointer, epoch, totals);
  }
  return totals;
}

bool Trainer::agree_on_requests(const Checkpointer& checkpointer) {
  // How many ranks were asked to stop, were asked by SIGTERM, are still writing; and whether rank 0, by its clock,
  // wants a checkpoint.
  const core::StopRequest own = core::stop_requested();
  std::array<std::int64_t, 4> ranks{own >= core::StopRequest::kCheckpoint, own == core::StopRequest::kTerminate,
                                    checkpointer.under_way() && !checkpointer.written(),
                                    world_.rank == 0 && checkpointer.due_at(core::steady_ns())};
  comm::all_reduce(*world_.control, ranks);
  request_ = ranks[1] > 0   ? core::StopRequest::kTerminate
             : ranks[0] > 0 ? core::StopRequest::kCheckpoint
                            : core::StopRequest::kNone;
  save_wanted_ = ranks[3] > 0;
  return checkpointer.under_way() && ranks[2] == 0;
}

void Trainer::settle(Checkpointer& checkpointer) {
  const std::int64_t start_ns = core::steady_ns();
  checkpointer.settle();
  checkpoint_ns_ += core::steady_ns() - start_ns;
}

void Trainer::save(Checkpointer& checkpointer, std::int64_t epoch, const EpochSums& sums) {
  const std::int64_t start_ns = core::steady_ns();
  const TrainingShape now = shape();
  CheckpointNote note;
  note.step = step_;
  note.epoch = epoch;
  note.batch = batch_;
  note.batches = now.batches;
  note.batch_samples = now.batch_samples;
  note.step_samples = now.step_samples;
  note.data_samples = now.data_samples;
  note.model = config::name_of(config_.model);
  note.data = config::name_of(config_.data);
  note.seed = config_.seed;
  note.bucket_mb = config_.bucket_mb;
  note.strategy = config::name_of(config_.strategy);
  note.precision = config::name_of(config_.precision);
  checkpointer.begin(strategy_.state(), std::move(note), sums);
  checkpoint_ns_ += core::steady_ns() - start_ns;
}

void Trainer::save_and_stop(Checkpointer& checkpointer, std::int64_t epoch, const EpochSums& sums) {
  stopped_ = true;
  const std::string asked = fmt::format("asked to stop ({}) after step {}",
                                        request_ == core::StopRequest::kTerminate ? "SIGTERM" : "SIGUSR2", step_);
  if (checkpointer.under_way()) checkpointer.settle();
  // The ranks must decide alike, and each has its own idea of how long the last save took.
  std::array<double, 1> expected_s{checkpointer.last_save_s()};
  comm::all_reduce(*world_.control, expected_s, comm::ReduceOp::kMax);
  if (step_ == start_.step) {
    tell("signal", asked + ": nothing new to save");
  } else if (checkpointer.saved_step() == step_) {
    tell("signal", asked + ": saved already");
  } else if (request_ == core::StopRequest::kTerminate && expected_s[0] > kTerminationBudget) {
    tell("signal", fmt::format("{}: a checkpoint takes {:.0f} s, more than is left before SIGKILL: none is saved",
                               asked, expected_s[0]));
  } else {
    tell("signal", asked);
    save(checkpointer, epoch, sums);
    checkpointer.settle();
  }
}

void Trainer::tell(std::string_view kind, const std::string& text) {
  writer_.append(log::EventRow{
      .time_ns = core::steady_ns() - log_zero_ns_, .kind = std::string(kind), .text = core::one_line(text)});
  if (world_.rank == 0) core::log_info(text);
}

parallel::StepResult Trainer::traced_step(std::span<const data::Batch> batches) {
  timing::MemoryTrace trace(world_.device);
  timer_.observe([&trace](Phase ended) { trace.end_of(ended); });
  parallel::StepResult result = strategy_.step(batches, schedule_.at(step_), timer_);
  timer_.observe({});
  writer_.append(trace.finish(step_, strategy_.memory()));
  return result;
}

std::vector<data::Batch> Trainer::next_batches() {
  const Region region(timer_, Phase::kData);
  std::vector<data::Batch> batches;
  while (static_cast<std::int64_t>(batches.size()) < config_.accumulate) {
    std::optional<data::Batch> batch = train_loader_.next();
    if (!batch) break;
    batches.push_back(std::move(*batch));
  }
  return batches;
}

Trainer::Totals Trainer::validate(Checkpointer& checkpointer) {
  Totals totals;
  strategy_.begin_evaluation();
  validation_loader_.start_epoch(0);
  while (const std::optional<data::Batch> batch = validation_loader_.next()) {
    const parallel::Evaluation part = strategy_.evaluate(*batch);
    totals.loss_sum += part.loss_sum;
    totals.correct += static_cast<double>(part.correct);
    totals.samples += static_cast<double>(part.samples);
    if (agree_on_requests(checkpointer)) settle(checkpointer);
    if (is_stop_requested()) {
      stopped_ = true;
      break;
    }
  }
  return totals;
}

Trainer::Totals Trainer::over_ranks(Totals local) const {
  std::array values{local.loss_sum, local.correct, local.samples};
  comm::all_reduce(*world_.control, values);
  return {values[0], values[1], values[2]};
}

void Trainer::log_skipped_steps(std::int64_t epoch) {
  const std::int64_t skipped = strategy_.skipped_steps() - skipped_;
  if (skipped == 0) return;
  skipped_ += skipped;
  tell("skipped-step", fmt::format("epoch {}: {} steps skipped, their gradients overflowed", epoch + 1, skipped));
}

void Trainer::log_collectives() {
  log_collectives(*world_.data, 0);
  if (const auto group = strategy_.group()) log_collectives(*group->communicator, group->number);
}

void Trainer::log_collectives(comm::Communicator& communicator, int group) {
  for (const comm::CollectiveRecord& record : communicator.drain_ledger()) {
    bandwidth_.add_collective(record, communicator.size());
    writer_.append({.sequence = record.sequence,
                    .op = log_op(record.operation),
                    .bytes = record.bytes,
                    .enqueue_ns = record.interval.enqueue_ns - log_zero_ns_,
                    .start_ns = record.interval.start_ns - log_zero_ns_,
                    .end_ns = record.interval.end_ns - log_zero_ns_,
                    .group = group});
  }
}

}  // namespace trainyard::training

#include "training/trainer.h"

#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "comm/values.h"
#include "core/clock.h"
#include "core/logging.h"
#include "timing/memory_trace.h"

namespace trainyard::training {
namespace {

using timing::Phase;
using Region = timing::StepTimer::Region;

/// Steps between two rows of /memory and two look-ups of finished collectives. The run's second step is the first of
/// them: the first makes what stays, such as the workspaces of a GPU's libraries.
constexpr std::int64_t kSampleSteps = 64;

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
      bandwidth_(world.size),
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

Summary Trainer::run() {
  Summary summary;
  for (std::int64_t epoch = 0; step_ < total_steps_; ++epoch) {
    const std::int64_t start_ns = core::steady_ns();
    const Totals trained = train_epoch(epoch);
    const std::int64_t trained_ns = core::steady_ns();
    const Totals training = over_ranks(trained);
    const std::int64_t validation_start_ns = core::steady_ns();
    const Totals validation = over_ranks(validate());
    const std::int64_t end_ns = core::steady_ns();

    log::EpochRow row;
    row.epoch = epoch;
    row.start_ns = start_ns - log_zero_ns_;
    row.duration_ns = end_ns - start_ns;
    row.train_ns = trained_ns - start_ns;
    row.validation_ns = end_ns - validation_start_ns;
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
  }
  if (const std::int64_t dropped = world_.data->ledger_dropped(); dropped > 0) {
    writer_.append(log::EventRow{
        .time_ns = core::steady_ns() - log_zero_ns_,
        .kind = "warning",
        .text = fmt::format("/collectives lacks {} rows: they came faster than they were logged", dropped)});
  }
  return summary;
}

Trainer::Totals Trainer::train_epoch(std::int64_t epoch) {
  const at::TensorOptions on_device = at::TensorOptions(at::kDouble).device(world_.device);
  at::Tensor loss_sum = at::zeros({}, on_device);
  at::Tensor correct = at::zeros({}, on_device);
  Totals totals;
  timer_.start();
  {
    const Region region(timer_, Phase::kData);
    train_loader_.start_epoch(epoch);
  }
  while (step_ < total_steps_) {
    const std::vector<data::Batch> batches = next_batches();
    if (batches.empty()) break;
    // Every stage of a pipeline loads a batch, and only two of them copy it.
    if (world_.device.is_cuda() && strategy_.data_shard().count == world_.size) {
      for (const data::Batch& batch : batches)
        bandwidth_.add_transfer(static_cast<std::int64_t>(batch.images.nbytes() + batch.labels.nbytes()));
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
         .comm_ns = [works = std::move(result.collectives)] {
           std::int64_t sum_ns = 0;
           for (const auto& work : works) {
             sum_ns += work->interval().end_ns - work->interval().start_ns;
           }
           return sum_ns;
         }});
    ++step_;
    if (sampled) log_collectives();
  }
  timer_.drain();
  totals.loss_sum = loss_sum.item<double>();
  totals.correct = correct.item<double>();
  return totals;
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

Trainer::Totals Trainer::validate() {
  Totals totals;
  strategy_.begin_evaluation();
  validation_loader_.start_epoch(0);
  while (const std::optional<data::Batch> batch = validation_loader_.next()) {
    const parallel::Evaluation part = strategy_.evaluate(*batch);
    totals.loss_sum += part.loss_sum;
    totals.correct += static_cast<double>(part.correct);
    totals.samples += static_cast<double>(part.samples);
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
  const std::string text = fmt::format("epoch {}: {} steps skipped, their gradients overflowed", epoch + 1, skipped);
  writer_.append(log::EventRow{.time_ns = core::steady_ns() - log_zero_ns_, .kind = "skipped-step", .text = text});
  if (world_.rank == 0) core::log_info(text);
}

void Trainer::log_collectives() {
  for (const comm::CollectiveRecord& record : world_.data->drain_ledger()) {
    bandwidth_.add_collective(record);
    writer_.append({.sequence = record.sequence,
                    .op = log_op(record.operation),
                    .bytes = record.bytes,
                    .enqueue_ns = record.interval.enqueue_ns - log_zero_ns_,
                    .start_ns = record.interval.start_ns - log_zero_ns_,
                    .end_ns = record.interval.end_ns - log_zero_ns_});
  }
}

}  // namespace trainyard::training

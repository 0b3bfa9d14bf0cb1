#include "inference/run.h"

#include <ATen/Parallel.h>
#include <c10/util/Exception.h>
#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <new>
#include <utility>

#include "comm/bootstrap.h"
#include "config/enum_names.h"
#include "config/parse.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/logging.h"
#include "core/text.h"
#include "data/datasets.h"
#include "inference/engine.h"
#include "inference/measurement.h"
#include "log/writer.h"
#include "models/model.h"
#include "precision/policy.h"
#include "timing/device_sampler.h"
#include "training/agreement.h"
#include "training/device_watch.h"
#include "training/memory_format.h"
#include "training/model_input.h"
#include "training/run_attributes.h"
#include "training/run_folder.h"

namespace trainyard::inference {
namespace {

constexpr std::int64_t kCalibrationBatch = 32;

/// Batches of the training data in a shuffled order, `samples` in all or as many as there are.
CalibrationBatches calibration_batches(const std::shared_ptr<const data::Dataset>& data,
                                       const config::RunConfig& config, const data::LoaderOptions& loading) {
  const data::SamplerOptions sampling{
      .samples = data->size(), .batch_size = std::min(kCalibrationBatch, data->size()), .seed = config.seed};
  auto loader = std::make_shared<data::Loader>(data, data::Sampler::training(sampling), loading);
  loader->start_epoch(0);
  return [loader, left = config.inference->calibration_samples]() mutable -> std::optional<at::Tensor> {
    std::optional<data::Batch> batch = left > 0 ? loader->next() : std::nullopt;
    if (!batch) return std::nullopt;
    const at::Tensor images = batch->inputs.narrow(0, 0, std::min(left, batch->inputs.size(0)));
    left -= images.size(0);
    return images;
  };
}

/// Memory once taken stays with the process. The C library gives blocks of activations back to the kernel as soon as
/// they are free and takes them anew for each batch, which costs a fault for every page.
void keep_memory() {
  ::mallopt(M_MMAP_MAX, 0);  // a threshold for blocks mapped by themselves cannot be above 32 MiB
  ::mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
}

/// What LibTorch throws comes with the stack of its own frames.
void in_one_line(const std::function<void()>& body) {
  try {
    body();
  } catch (const c10::OutOfMemoryError& error) {
    throw core::Error(
        fmt::format("out of memory: {}: lower batch-sizes", core::one_line(error.what_without_backtrace())));
  } catch (const std::bad_alloc&) {
    throw core::Error("out of memory on the host: lower batch-sizes");
  } catch (const c10::Error& error) {
    throw core::Error(core::one_line(error.what_without_backtrace()));
  }
}

/// The pieces of the run, in the order in which they are made.
class Run {
 public:
  Run(comm::World& world, config::RunConfig config)
      : world_(world), config_(std::move(config)), policy_(precision::Policy::make(config_.precision, world.device)) {}

  /// What can be found wrong before anything is written.
  void prepare() {
    config::validate_ranks(config_, world_.size);
    const config::InferenceRequest& request = *config_.inference;
    if (config::computes_in_int8(request.engine) && world_.device.is_cuda()) {
      throw core::UsageError(fmt::format("engine = {} runs on CPUs alone: use device = cpu, or another engine",
                                         config::name_of(request.engine)));
    }
    data_ = data::open(config_);
    config_.memory_format = training::memory_format(config_, *data_.train, world_.device);
    loading_ = data::loader_options(config_, world_.device.is_cuda());
    for (const std::int64_t size : request.batch_sizes)
      check_batch_size(*data_.validation, size);
    model_ = policy_.prepared(built());
  }

  void start() {
    folder_.emplace(config_, *world_.control);
    zero_ = training::agree_on_zero(world_);
    const CalibrationBatches calibration = calibration_batches(data_.train, config_, loading_);
    const data::Batch example = first_batches(data_.validation, 1, loading_).front();
    stored_ = store_model(model_, config_.precision, config_.inference->engine, example.inputs, calibration,
                          folder_->attempt());
    log::RunAttributes attributes = training::describe_place(config_, world_, *folder_, zero_);
    attributes.engine = config::name_of(stored_.engine);
    attributes.model_bytes = policy_.bytes_of(*model_);
    attributes.model_file_bytes = stored_.bytes;
    attributes.precision_note = policy_.note();
    writer_.emplace(folder_->log_file(world_.rank), attributes);
    folder_->keep();
  }

  void measure_all() {
    core::log_info(fmt::format(
        "{} on {}, {} in {} on {}, {} threads, {}: {}", config::name_of(config_.model), config::name_of(config_.data),
        config::name_of(stored_.engine), config::name_of(config_.precision), world_.device.str(), at::get_num_threads(),
        core::format_bytes(static_cast<std::uint64_t>(stored_.bytes)), folder_->attempt().string()));
    MeasurementPlan plan{.warmup = config_.inference->warmup_batches,
                         .batches = config_.inference->batches,
                         .log_zero_ns = zero_.steady_ns,
                         .labelled = config_.data != config::Data::kSynthetic};
    sampler_ = training::watch_devices(world_.device, 1, *writer_, zero_.steady_ns,
                                       [this](const std::string& line) { tell_warning(line); });
    for (const std::int64_t size : config_.inference->batch_sizes) {
      const std::unique_ptr<Engine> engine = open_engine(stored_);
      measure(*engine, first_batches(data_.validation, size, loading_), plan,
              [this](const log::InferenceRow& row) { writer_->append(row); });
      plan.first += plan.batches;
    }
    if (!config_.weights.empty() && plan.labelled) count_right_answers();
    sampler_.reset();
    writer_->finish();
  }

  std::filesystem::path log_file() const { return folder_->log_file(world_.rank); }
  const std::filesystem::path& root() const { return folder_->root(); }

 private:
  void tell_warning(const std::string& line) {
    writer_->append(
        log::EventRow{.time_ns = core::steady_ns() - zero_.steady_ns, .kind = "warning", .text = core::one_line(line)});
    core::log_warning(line);
  }

  std::unique_ptr<models::Model> built() const {
    return models::build(config_, training::model_input(*data_.train), data_.train->classes());
  }

  void count_right_answers() {
    writer_->append(evaluate(*open_engine(stored_), data_.validation, loading_));
    if (stored_.engine == config::EngineKind::kEager && config_.precision == config::PrecisionKind::kFp32) return;
    const auto exact = precision::Policy::make(config::PrecisionKind::kFp32, world_.device);
    const StoredModel plain{.model = exact.prepared(built()), .device = world_.device};
    log::AccuracyRow reference = evaluate(*open_engine(plain), data_.validation, loading_);
    reference.reference = 1;
    writer_->append(reference);
  }

  comm::World& world_;
  config::RunConfig config_;
  precision::Policy policy_;
  data::Datasets data_;
  data::LoaderOptions loading_;
  std::shared_ptr<const models::Model> model_;
  std::optional<training::RunFolder> folder_;
  training::LogZero zero_;
  StoredModel stored_;
  std::optional<log::Writer> writer_;
  std::unique_ptr<timing::DeviceSampler> sampler_;
};

}  // namespace

int run(const config::RunConfig& config, const std::optional<std::string>& refusal,
        const std::function<void(const std::filesystem::path& log)>& done) {
  keep_memory();
  if (!refusal && config.inference->threads > 0) at::set_num_threads(config.inference->threads);
  training::Outcome outcome;
  bool speaks = true;
  try {
    // No device is needed to say what is wrong.
    comm::World world = comm::bootstrap({.device = refusal ? config::DeviceKind::kCpu : config.device});
    core::set_up_logging(
        {.rank = world.rank, .world_size = world.size, .host = world.node, .level = core::LogLevel::kInfo});
    speaks = world.rank == 0;
    std::optional<Run> run;
    outcome = training::agree(world, [&] {
      if (refusal) throw core::UsageError(*refusal);
      run.emplace(world, config).prepare();
    });
    if (outcome.exit_code == 0) {
      in_one_line([&] {
        run->start();
        run->measure_all();
      });
      fmt::print("results: {}\n", run->root().string());
      done(run->log_file());
    }
  } catch (const comm::RefusedElsewhere&) {
    return 2;  // rank 0 says it
  }
  if (!speaks || outcome.exit_code == 0) return outcome.exit_code;
  if (outcome.exit_code == 2) throw core::UsageError(outcome.message);
  throw core::Error(outcome.message);
}

}  // namespace trainyard::inference

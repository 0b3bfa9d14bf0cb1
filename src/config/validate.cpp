#include <fmt/format.h>

#include <algorithm>

#include "config/enum_names.h"
#include "config/parse.h"
#include "core/error.h"

namespace trainyard::config {
namespace {

/// Pixels of a side where the network sees them, and 0 where only the data set knows.
std::int64_t input_pixels(const RunConfig& config) {
  if (config.image_size != 0) return config.image_size;
  switch (config.data) {
    case Data::kDigits:
      return 8;
    case Data::kCifar10:
    case Data::kSvhn:
    case Data::kSynthetic:
      return 32;
    case Data::kTinyImageNet:
      return 64;
    case Data::kSst2:
    case Data::kAgNews:
      break;
  }
  return 0;
}

bool is_text(Data data) {
  return data == Data::kSst2 || data == Data::kAgNews;
}

/// Whether a batch of one sample leaves batch norm a single value per channel, on which it cannot train. Of a small
/// image's side, resnet18 to 50 halve three times, the CIFAR family twice.
bool needs_two_samples(const RunConfig& config) {
  if (reads_text(config.model)) return false;
  return input_pixels(config) / (config.model < Model::kResnet20 ? 8 : 4) <= 1;
}

/// What the model reads is what the data set has.
void validate_input(const RunConfig& config) {
  const bool text = reads_text(config.model);
  if (config.data != Data::kSynthetic && text != is_text(config.data)) {
    throw core::UsageError(fmt::format("model = {} reads {}, data = {} has {}: use {}", name_of(config.model),
                                       text ? "text" : "images", name_of(config.data), text ? "images" : "text",
                                       text ? "data = sst2, ag-news or synthetic" : "a RoBERTa"));
  }
  if (!text) return;
  const auto refuse = [&](std::string_view key) {
    throw core::UsageError(
        fmt::format("{} is for images, and model = {} reads text: leave it out", key, name_of(config.model)));
  };
  if (config.image_size != 0) refuse("image-size");
  if (config.normalisation != NormalisationKind::kOwn) refuse("normalisation");
  if (config.augment) refuse("augment");
  if (config.memory_format == MemoryFormat::kChannelsLast) refuse("memory-format = channels-last");
  if (config.sync_batchnorm) refuse("sync-batchnorm");
}

/// Strategies whose ranks are replicas that train side by side.
bool replicates_over_ranks(StrategyKind strategy) {
  return strategy == StrategyKind::kDdp || strategy == StrategyKind::kZero1 || strategy == StrategyKind::kZero2 ||
         strategy == StrategyKind::kZero3;
}

/// Samples of the smallest micro-batch that a whole batch gives, where the configuration alone says so; else 2.
std::int64_t smallest_micro_batch(const RunConfig& config) {
  if (config.split_size > 0) return std::min(config.split_size, std::int64_t{2});
  return config.micro_batches > 0 ? config.batch_size / config.micro_batches : 2;
}

bool drives_several(StrategyKind strategy) {
  return strategy == StrategyKind::kDp || strategy == StrategyKind::kModelParallel;
}

void validate_pipeline(const RunConfig& config) {
  if (config.micro_batches > 0 && config.split_size > 0) {
    throw core::UsageError(fmt::format("micro-batches = {} and split-size = {} say the same thing twice: give one",
                                       config.micro_batches, config.split_size));
  }
  if (config.micro_batches > config.batch_size) {
    throw core::UsageError(fmt::format("micro-batches = {} is more than batch-size = {}: lower one or raise the other",
                                       config.micro_batches, config.batch_size));
  }
  if (smallest_micro_batch(config) < 2 && needs_two_samples(config)) {
    throw core::UsageError(
        fmt::format("micro-batches of one sample leave batch norm a single value per channel at {} pixels: use fewer "
                    "micro-batches, or a larger split-size",
                    input_pixels(config)));
  }
  const bool interleaved = config.pipeline_schedule == PipelineScheduleKind::kInterleaved;
  if (interleaved && config.virtual_stages == 1) {
    throw core::UsageError(
        "pipeline-schedule = interleaved needs virtual-stages = 2 or more; with 1 it is pipeline-schedule = 1f1b");
  }
  if (!interleaved && config.virtual_stages > 1) {
    throw core::UsageError(fmt::format("virtual-stages = {} needs pipeline-schedule = interleaved, not {}",
                                       config.virtual_stages, name_of(config.pipeline_schedule)));
  }
}

void validate_inference(const RunConfig& config) {
  const EngineKind engine = config.inference->engine;
  if (!computes_in_int8(engine)) return;
  if (config.precision != PrecisionKind::kFp32) {
    throw core::UsageError(
        fmt::format("engine = {} computes in 8-bit integers, from fp32: use precision = fp32, not {}", name_of(engine),
                    name_of(config.precision)));
  }
  if (config.device == DeviceKind::kCuda) {
    throw core::UsageError(
        fmt::format("engine = {} runs on CPUs alone: use device = cpu, or another engine", name_of(engine)));
  }
}

}  // namespace

bool computes_in_int8(EngineKind engine) {
  return engine == EngineKind::kInt8 || engine == EngineKind::kTorchScriptInt8;
}

void validate(const RunConfig& config) {
  if (config.normalisation == NormalisationKind::kImagenet && config.data == Data::kDigits) {
    throw core::UsageError("normalisation = imagenet is for images of three colours, not for data = digits: use own");
  }
  validate_input(config);
  if (config.inference) return validate_inference(config);
  if (config.warmup > static_cast<double>(config.epochs)) {
    throw core::UsageError(fmt::format("warmup = {} is longer than epochs = {}: lower one or raise the other",
                                       config.warmup, config.epochs));
  }
  if (config.sync_batchnorm && !replicates_over_ranks(config.strategy)) {
    throw core::UsageError(
        fmt::format("sync-batchnorm = true works with ddp, zero1, zero2 and zero3, not with strategy = {}",
                    name_of(config.strategy)));
  }
  if (config.batch_size == 1 && needs_two_samples(config)) {
    throw core::UsageError(
        fmt::format("batch-size = 1 leaves batch norm a single value per channel at {} pixels: use 2 or more",
                    input_pixels(config)));
  }
  if (config.devices > 1 && !drives_several(config.strategy)) {
    throw core::UsageError(fmt::format(
        "devices = {} needs strategy = dp or model-parallel: with {} a rank drives one device, so start more "
        "ranks",
        config.devices, name_of(config.strategy)));
  }
  if (config.strategy == StrategyKind::kPipeline) validate_pipeline(config);
}

void validate_ranks(const RunConfig& config, int ranks) {
  if (config.inference) {
    if (ranks != 1) throw core::UsageError(fmt::format("inference runs on one rank, not {}: use one", ranks));
    return;
  }
  if (config.strategy == StrategyKind::kSingle && ranks != 1) {
    throw core::UsageError(
        fmt::format("strategy = single runs on one rank, not {}: use strategy = ddp, or one rank", ranks));
  }
  if (config.strategy == StrategyKind::kDp && ranks != 1) {
    throw core::UsageError(fmt::format(
        "strategy = dp runs on one rank, which drives all devices, not {}: use strategy = ddp, or one rank", ranks));
  }
  if (config.strategy == StrategyKind::kModelParallel && config.devices > 1 && ranks != 1) {
    throw core::UsageError(fmt::format(
        "strategy = model-parallel with devices = {} runs on one rank, not {}: use devices = 1, or one rank",
        config.devices, ranks));
  }
  if (config.strategy == StrategyKind::kPipeline && config.stages > 0 && ranks % config.stages != 0) {
    throw core::UsageError(
        fmt::format("stages = {} does not divide the {} ranks into whole replicas: use a multiple of "
                    "{} ranks, or another number of stages",
                    config.stages, ranks, config.stages));
  }
}

}  // namespace trainyard::config

#pragma once

#include <array>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "config/run_config.h"

namespace trainyard::config {

/// The one place where a choice and its spelling meet: parsing, --help, the timing log and the report all read it here.
template <typename Enum>
struct EnumNames;  // specialised below: `table`, an array of {value, name} in the order they are offered

template <>
struct EnumNames<Model> {
  static constexpr std::array<std::pair<Model, std::string_view>, 11> table{{{Model::kResnet18, "resnet18"},
                                                                             {Model::kResnet34, "resnet34"},
                                                                             {Model::kResnet50, "resnet50"},
                                                                             {Model::kResnet20, "resnet20"},
                                                                             {Model::kResnet32, "resnet32"},
                                                                             {Model::kResnet44, "resnet44"},
                                                                             {Model::kResnet56, "resnet56"},
                                                                             {Model::kResnet110, "resnet110"},
                                                                             {Model::kRobertaTiny, "roberta-tiny"},
                                                                             {Model::kRobertaBase, "roberta-base"},
                                                                             {Model::kRobertaLarge, "roberta-large"}}};
};

template <>
struct EnumNames<Data> {
  static constexpr std::array<std::pair<Data, std::string_view>, 7> table{{{Data::kDigits, "digits"},
                                                                           {Data::kCifar10, "cifar10"},
                                                                           {Data::kSvhn, "svhn"},
                                                                           {Data::kTinyImageNet, "tiny-imagenet"},
                                                                           {Data::kSst2, "sst2"},
                                                                           {Data::kAgNews, "ag-news"},
                                                                           {Data::kSynthetic, "synthetic"}}};
};

template <>
struct EnumNames<StrategyKind> {
  static constexpr std::array<std::pair<StrategyKind, std::string_view>, 8> table{
      {{StrategyKind::kSingle, "single"},
       {StrategyKind::kDp, "dp"},
       {StrategyKind::kDdp, "ddp"},
       {StrategyKind::kZero1, "zero1"},
       {StrategyKind::kZero2, "zero2"},
       {StrategyKind::kZero3, "zero3"},
       {StrategyKind::kModelParallel, "model-parallel"},
       {StrategyKind::kPipeline, "pipeline"}}};
};

template <>
struct EnumNames<Compression> {
  static constexpr std::array<std::pair<Compression, std::string_view>, 3> table{
      {{Compression::kNone, "none"}, {Compression::kFp16, "fp16"}, {Compression::kBf16, "bf16"}}};
};

template <>
struct EnumNames<OptimizerKind> {
  static constexpr std::array<std::pair<OptimizerKind, std::string_view>, 3> table{
      {{OptimizerKind::kSgd, "sgd"}, {OptimizerKind::kAdam, "adam"}, {OptimizerKind::kAdamW, "adamw"}}};
};

template <>
struct EnumNames<Checkpointing> {
  static constexpr std::array<std::pair<Checkpointing, std::string_view>, 3> table{
      {{Checkpointing::kNone, "none"}, {Checkpointing::kBlock, "block"}, {Checkpointing::kStage, "stage"}}};
};

template <>
struct EnumNames<PipelineScheduleKind> {
  static constexpr std::array<std::pair<PipelineScheduleKind, std::string_view>, 3> table{
      {{PipelineScheduleKind::kGpipe, "gpipe"},
       {PipelineScheduleKind::kOneFOneB, "1f1b"},
       {PipelineScheduleKind::kInterleaved, "interleaved"}}};
};

template <>
struct EnumNames<PrecisionKind> {
  static constexpr std::array<std::pair<PrecisionKind, std::string_view>, 5> table{{{PrecisionKind::kFp32, "fp32"},
                                                                                    {PrecisionKind::kTf32, "tf32"},
                                                                                    {PrecisionKind::kAmp, "amp"},
                                                                                    {PrecisionKind::kFp16, "fp16"},
                                                                                    {PrecisionKind::kBf16, "bf16"}}};
};

template <>
struct EnumNames<NormalisationKind> {
  static constexpr std::array<std::pair<NormalisationKind, std::string_view>, 2> table{
      {{NormalisationKind::kOwn, "own"}, {NormalisationKind::kImagenet, "imagenet"}}};
};

template <>
struct EnumNames<ScheduleKind> {
  static constexpr std::array<std::pair<ScheduleKind, std::string_view>, 4> table{
      {{ScheduleKind::kConstant, "constant"},
       {ScheduleKind::kStep, "step"},
       {ScheduleKind::kCosine, "cosine"},
       {ScheduleKind::kLinear, "linear"}}};
};

template <>
struct EnumNames<DeviceKind> {
  static constexpr std::array<std::pair<DeviceKind, std::string_view>, 3> table{
      {{DeviceKind::kAuto, "auto"}, {DeviceKind::kCpu, "cpu"}, {DeviceKind::kCuda, "cuda"}}};
};

template <>
struct EnumNames<MemoryFormat> {
  static constexpr std::array<std::pair<MemoryFormat, std::string_view>, 3> table{
      {{MemoryFormat::kAuto, "auto"},
       {MemoryFormat::kContiguous, "contiguous"},
       {MemoryFormat::kChannelsLast, "channels-last"}}};
};

template <>
struct EnumNames<EngineKind> {
  static constexpr std::array<std::pair<EngineKind, std::string_view>, 4> table{
      {{EngineKind::kEager, "eager"},
       {EngineKind::kTorchScript, "torchscript"},
       {EngineKind::kInt8, "int8"},
       {EngineKind::kTorchScriptInt8, "torchscript-int8"}}};
};

/// The spelling of `value`. Throws std::logic_error for a value that has none: a programming error.
template <typename Enum>
constexpr std::string_view name_of(Enum value) {
  for (const auto& [candidate, name] : EnumNames<Enum>::table) {
    if (candidate == value) return name;
  }
  throw std::logic_error("enum value without a name");
}

/// The value spelled `name`, exactly; none when no value is.
template <typename Enum>
constexpr std::optional<Enum> from_name(std::string_view name) {
  for (const auto& [value, candidate] : EnumNames<Enum>::table) {
    if (candidate == name) return value;
  }
  return std::nullopt;
}

}  // namespace trainyard::config

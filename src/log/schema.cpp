#include "log/schema.h"

#include <algorithm>
#include <array>

namespace trainyard::log {

namespace {

constexpr std::string_view kNs = "ns";
constexpr std::string_view kBytes = "bytes";
constexpr std::string_view kBytesPerSecond = "bytes/s";
constexpr std::string_view kOne = "1";
constexpr std::string_view kText = "text";

constexpr std::uint64_t kChunkRows = 64;
constexpr std::uint64_t kCollectiveChunkRows = 1024;  // many a step

struct OpName {
  CollectiveOp op;
  std::string_view name;
};

constexpr std::array kOpNames{
    OpName{CollectiveOp::kOther, "other"},          OpName{CollectiveOp::kAllReduce, "all_reduce"},
    OpName{CollectiveOp::kBroadcast, "broadcast"},  OpName{CollectiveOp::kReduce, "reduce"},
    OpName{CollectiveOp::kAllGather, "all_gather"}, OpName{CollectiveOp::kReduceScatter, "reduce_scatter"},
    OpName{CollectiveOp::kGather, "gather"},        OpName{CollectiveOp::kScatter, "scatter"},
    OpName{CollectiveOp::kAllToAll, "all_to_all"},  OpName{CollectiveOp::kBarrier, "barrier"},
    OpName{CollectiveOp::kExchange, "exchange"},
};

}  // namespace

template <>
const Table<StepRow>& table<StepRow>() {
  static const Table<StepRow> description{"steps",
                                          kChunkRows,
                                          {
                                              {"epoch", &StepRow::epoch, kOne},
                                              {"step", &StepRow::step, kOne, Need::kRequired},
                                              {"start_ns", &StepRow::start_ns, kNs},
                                              {"data_ns", &StepRow::data_ns, kNs},
                                              {"transfer_ns", &StepRow::transfer_ns, kNs},
                                              {"forward_ns", &StepRow::forward_ns, kNs},
                                              {"backward_ns", &StepRow::backward_ns, kNs},
                                              {"exposed_comm_ns", &StepRow::exposed_comm_ns, kNs},
                                              {"idle_ns", &StepRow::idle_ns, kNs},
                                              {"optimizer_ns", &StepRow::optimizer_ns, kNs},
                                              {"other_ns", &StepRow::other_ns, kNs},
                                              {"step_ns", &StepRow::step_ns, kNs, Need::kRequired},
                                              {"comm_ns", &StepRow::comm_ns, kNs},
                                              {"samples", &StepRow::samples, kOne, Need::kRequired},
                                              {"loss", &StepRow::loss, kOne},
                                          }};
  return description;
}

template <>
const Table<EpochRow>& table<EpochRow>() {
  static const Table<EpochRow> description{"epochs",
                                           kChunkRows,
                                           {
                                               {"epoch", &EpochRow::epoch, kOne, Need::kRequired},
                                               {"start_ns", &EpochRow::start_ns, kNs},
                                               {"duration_ns", &EpochRow::duration_ns, kNs},
                                               {"train_ns", &EpochRow::train_ns, kNs},
                                               {"validation_ns", &EpochRow::validation_ns, kNs},
                                               {"checkpoint_ns", &EpochRow::checkpoint_ns, kNs},
                                               {"train_loss", &EpochRow::train_loss, kOne},
                                               {"train_accuracy", &EpochRow::train_accuracy, kOne},
                                               {"val_loss", &EpochRow::val_loss, kOne},
                                               {"val_accuracy", &EpochRow::val_accuracy, kOne},
                                               {"lr", &EpochRow::lr, kOne},
                                               {"bus_bandwidth", &EpochRow::bus_bandwidth, kBytesPerSecond},
                                               {"transfer_bandwidth", &EpochRow::transfer_bandwidth, kBytesPerSecond},
                                           }};
  return description;
}

template <>
const Table<MemoryRow>& table<MemoryRow>() {
  static const Table<MemoryRow> description{"memory",
                                            kChunkRows,
                                            {
                                                {"step", &MemoryRow::step, kOne, Need::kRequired},
                                                {"allocated_bytes", &MemoryRow::allocated_bytes, kBytes},
                                                {"reserved_bytes", &MemoryRow::reserved_bytes, kBytes},
                                                {"peak_bytes", &MemoryRow::peak_bytes, kBytes},
                                                {"resident_bytes", &MemoryRow::resident_bytes, kBytes},
                                                {"parameters_bytes", &MemoryRow::parameters_bytes, kBytes},
                                                {"gradients_bytes", &MemoryRow::gradients_bytes, kBytes},
                                                {"optimizer_bytes", &MemoryRow::optimizer_bytes, kBytes},
                                                {"activations_bytes", &MemoryRow::activations_bytes, kBytes},
                                                {"workspace_bytes", &MemoryRow::workspace_bytes, kBytes},
                                                {"other_bytes", &MemoryRow::other_bytes, kBytes},
                                                {"forward_peak_bytes", &MemoryRow::forward_peak_bytes, kBytes},
                                                {"backward_peak_bytes", &MemoryRow::backward_peak_bytes, kBytes},
                                                {"optimizer_peak_bytes", &MemoryRow::optimizer_peak_bytes, kBytes},
                                            }};
  return description;
}

template <>
const Table<CollectiveRow>& table<CollectiveRow>() {
  static const Table<CollectiveRow> description{"collectives",
                                                kCollectiveChunkRows,
                                                {
                                                    {"sequence", &CollectiveRow::sequence, kOne, Need::kRequired},
                                                    {"op", &CollectiveRow::op, kOne, Need::kRequired},
                                                    {"bytes", &CollectiveRow::bytes, kBytes, Need::kRequired},
                                                    {"enqueue_ns", &CollectiveRow::enqueue_ns, kNs},
                                                    {"start_ns", &CollectiveRow::start_ns, kNs, Need::kRequired},
                                                    {"end_ns", &CollectiveRow::end_ns, kNs, Need::kRequired},
                                                    {"group", &CollectiveRow::group, kOne},
                                                }};
  return description;
}

template <>
const Table<DeviceRow>& table<DeviceRow>() {
  static const Table<DeviceRow> description{"devices",
                                            kChunkRows,
                                            {
                                                {"time_ns", &DeviceRow::time_ns, kNs, Need::kRequired},
                                                {"device", &DeviceRow::device, kOne},
                                                {"utilization", &DeviceRow::utilization, kOne},
                                                {"power_w", &DeviceRow::power_w, "W"},
                                                {"memory_bytes", &DeviceRow::memory_bytes, kBytes},
                                            }};
  return description;
}

template <>
const Table<InferenceRow>& table<InferenceRow>() {
  static const Table<InferenceRow> description{"inference",
                                               kChunkRows,
                                               {
                                                   {"batch", &InferenceRow::batch, kOne, Need::kRequired},
                                                   {"start_ns", &InferenceRow::start_ns, kNs},
                                                   {"duration_ns", &InferenceRow::duration_ns, kNs, Need::kRequired},
                                                   {"samples", &InferenceRow::samples, kOne, Need::kRequired},
                                                   {"correct", &InferenceRow::correct, kOne},
                                               }};
  return description;
}

template <>
const Table<AccuracyRow>& table<AccuracyRow>() {
  static const Table<AccuracyRow> description{"accuracy",
                                              kChunkRows,
                                              {
                                                  {"reference", &AccuracyRow::reference, kOne, Need::kRequired},
                                                  {"samples", &AccuracyRow::samples, kOne, Need::kRequired},
                                                  {"correct", &AccuracyRow::correct, kOne, Need::kRequired},
                                              }};
  return description;
}

template <>
const Table<EventRow>& table<EventRow>() {
  static const Table<EventRow> description{"events",
                                           kChunkRows,
                                           {
                                               {"time_ns", &EventRow::time_ns, kNs, Need::kRequired},
                                               {"kind", &EventRow::kind, kText, Need::kRequired, 32},
                                               {"text", &EventRow::text, kText, Need::kOptional, 256},
                                           }};
  return description;
}

const std::vector<AttributeField>& attribute_fields() {
  using A = RunAttributes;
  constexpr Need kRequired = Need::kRequired;
  constexpr Need kOptional = Need::kOptional;
  static const std::vector<AttributeField> fields{
      {"run", &A::run, kOptional},
      {"job_id", &A::job_id, kOptional},
      {"restart", &A::restart, kOptional},
      {"rank", &A::rank, kRequired},
      {"world_size", &A::world_size, kRequired},
      {"local_rank", &A::local_rank, kOptional},
      {"node", &A::node, kOptional},
      {"device", &A::device, kOptional},
      {"device_name", &A::device_name, kOptional},
      {"model", &A::model, kOptional},
      {"data", &A::data, kOptional},
      {"strategy", &A::strategy, kOptional},
      {"precision", &A::precision, kOptional},
      {"engine", &A::engine, kOptional},
      {"model_file_bytes", &A::model_file_bytes, kOptional},
      {"precision_note", &A::precision_note, kOptional},
      {"global_batch", &A::global_batch, kOptional},
      {"model_bytes", &A::model_bytes, kOptional},
      {"flops_per_sample", &A::flops_per_sample, kOptional},
      {"predicted_bubble_ppm", &A::predicted_bubble_ppm, kOptional},
      {"config", &A::config, kOptional},
      {"config_digest", &A::config_digest, kOptional},
      {"version", &A::version, kOptional},
      {"epoch_unix_ns", &A::epoch_unix_ns, kOptional},
      {"clock_offset_ns", &A::clock_offset_ns, kOptional},
      {"libtorch_version", &A::libtorch_version, kOptional},
      {"mpi_version", &A::mpi_version, kOptional},
      {"nccl_version", &A::nccl_version, kOptional},
      {"cuda_version", &A::cuda_version, kOptional},
      {"driver_version", &A::driver_version, kOptional},
      {"hdf5_version", &A::hdf5_version, kOptional},
      {"cpu_name", &A::cpu_name, kOptional},
      {"cpu_count", &A::cpu_count, kOptional},
      {"threads", &A::threads, kOptional},
      {"collective_sampling", &A::collective_sampling, kOptional},
      {"warnings", &A::warnings, kOptional},
  };
  return fields;
}

std::string_view collective_op_name(CollectiveOp op) {
  const auto found =
      std::find_if(kOpNames.begin(), kOpNames.end(), [op](const OpName& entry) { return entry.op == op; });
  return found == kOpNames.end() ? kOpNames[0].name : found->name;
}

CollectiveOp collective_op_from_name(std::string_view name) {
  const auto found =
      std::find_if(kOpNames.begin(), kOpNames.end(), [name](const OpName& entry) { return entry.name == name; });
  return found == kOpNames.end() ? CollectiveOp::kOther : found->op;
}

const std::vector<CollectiveOp>& collective_ops() {
  static const std::vector<CollectiveOp> ops = [] {
    std::vector<CollectiveOp> all;
    for (const OpName& entry : kOpNames)
      all.push_back(entry.op);
    return all;
  }();
  return ops;
}

}  // namespace trainyard::log

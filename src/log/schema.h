#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

/// Schema trainyard-timing/1: what one rank's timing log holds. docs/timing-log.md is the contract for those who write
/// such files otherwise; a test keeps the two equal.
namespace trainyard::log {

inline constexpr std::string_view kSchemaName = "trainyard-timing/1";

/// A row per optimizer step. Phases are measured each on its own:
/// step = data + transfer + forward + backward + exposed_comm + idle + optimizer + other.
struct StepRow {
  std::int64_t epoch = 0;  ///< from 0
  std::int64_t step = 0;   ///< optimizer steps since the run began, from 0; goes on after a restart
  std::int64_t start_ns = 0;
  std::int64_t data_ns = 0;      ///< waiting for the loader
  std::int64_t transfer_ns = 0;  ///< host to device
  std::int64_t forward_ns = 0;
  std::int64_t backward_ns = 0;
  std::int64_t exposed_comm_ns = 0;  ///< computing waited for communication
  std::int64_t idle_ns = 0;          ///< pipeline bubble
  std::int64_t optimizer_ns = 0;
  std::int64_t other_ns = 0;  ///< what the phases leave of step_ns
  std::int64_t step_ns = 0;
  std::int64_t comm_ns = 0;  ///< all communication, hidden or not
  std::int64_t samples = 0;  ///< of this rank, this step
  double loss = std::numeric_limits<double>::quiet_NaN();
};

/// A row per epoch. duration = train + validation + checkpoint + what is between them.
struct EpochRow {
  std::int64_t epoch = 0;
  std::int64_t start_ns = 0;
  std::int64_t duration_ns = 0;
  std::int64_t train_ns = 0;
  std::int64_t validation_ns = 0;
  std::int64_t checkpoint_ns = 0;
  double train_loss = std::numeric_limits<double>::quiet_NaN();
  double train_accuracy = std::numeric_limits<double>::quiet_NaN();  ///< 0 to 1
  double val_loss = std::numeric_limits<double>::quiet_NaN();
  double val_accuracy = std::numeric_limits<double>::quiet_NaN();  ///< 0 to 1
  double lr = std::numeric_limits<double>::quiet_NaN();            ///< at the epoch's end
  /// Achieved by this rank in training, bytes a second: the bus bandwidth of its all-reduces, reduce-scatters and
  /// all-gathers, and of its copies from host to device. NaN where there were none.
  double bus_bandwidth = std::numeric_limits<double>::quiet_NaN();
  double transfer_bandwidth = std::numeric_limits<double>::quiet_NaN();
};

/// Bytes at a step's end; -1 is unknown: the categories where the step was not traced, what is reserved on a CPU. The
/// categories are those of the step's peak, whose sum they are.
struct MemoryRow {
  std::int64_t step = 0;
  std::int64_t allocated_bytes = 0;  ///< by tensors
  std::int64_t reserved_bytes = 0;   ///< held by the allocator
  std::int64_t peak_bytes = 0;       ///< most allocated since the row before
  std::int64_t resident_bytes = 0;   ///< of the process, in the machine's memory
  std::int64_t parameters_bytes = -1;
  std::int64_t gradients_bytes = -1;
  std::int64_t optimizer_bytes = -1;
  std::int64_t activations_bytes = -1;
  std::int64_t workspace_bytes = -1;  ///< of forward and backward; logs of before this column have it in activations
  std::int64_t other_bytes = -1;
  std::int64_t forward_peak_bytes = -1;  ///< most allocated at once while the step was in this phase
  std::int64_t backward_peak_bytes = -1;
  std::int64_t optimizer_peak_bytes = -1;
};

/// Values are what the file stores; names are those of collective_op_name.
enum class CollectiveOp : std::int8_t {
  kOther = 0,
  kAllReduce = 1,
  kBroadcast = 2,
  kReduce = 3,
  kAllGather = 4,
  kReduceScatter = 5,
  kGather = 6,
  kScatter = 7,
  kAllToAll = 8,
  kBarrier = 9,
  kExchange = 10,
};

/// A row per logged collective; a run may log a sample of them and then says so in the attribute `collective_sampling`.
struct CollectiveRow {
  /// The same on every rank of the communicator, gaps where rows were not sampled. Exchanges are counted apart, by each
  /// rank for itself.
  std::int64_t sequence = 0;
  CollectiveOp op = CollectiveOp::kOther;
  std::int64_t bytes = 0;  ///< of this rank's input; of an exchange: sent and received
  std::int64_t enqueue_ns = 0;
  std::int64_t start_ns = 0;
  std::int64_t end_ns = 0;
  std::int64_t group = 0;  ///< of ranks, whose communicator it was: 0 is all of them, 1 and more are parts
};

/// What one device does, about once a second.
struct DeviceRow {
  std::int64_t time_ns = 0;
  std::int64_t device = 0;                                        ///< which of those that this rank drives, from 0
  double utilization = std::numeric_limits<double>::quiet_NaN();  ///< 0 to 1
  double power_w = std::numeric_limits<double>::quiet_NaN();
  std::int64_t memory_bytes = -1;  ///< in use on the device, by anyone; -1: unknown
};

struct InferenceRow {
  std::int64_t batch = 0;  ///< from 0, without warm-up
  std::int64_t start_ns = 0;
  std::int64_t duration_ns = 0;
  std::int64_t samples = 0;
  std::int64_t correct = -1;  ///< -1 where there are no labels
};

/// How many validation samples a model answered rightly.
struct AccuracyRow {
  std::int64_t reference = 0;  ///< 0: the run's own engine; 1: the same model in eager fp32, to compare with
  std::int64_t samples = 0;
  std::int64_t correct = 0;
};

/// Something that happened. Kinds in use: skipped-step, warning.
struct EventRow {
  std::int64_t time_ns = 0;
  std::string kind;  ///< at most 32 bytes
  std::string text;  ///< at most 256 bytes
};

/// Root attributes. Times elsewhere in the file are nanoseconds of a steady clock since `epoch_unix_ns`.
struct RunAttributes {
  std::string run;     ///< the configuration's name
  std::string job_id;  ///< Slurm's, or the output folder's name
  std::int64_t restart = 0;
  std::int64_t rank = 0;
  std::int64_t world_size = 1;
  std::int64_t local_rank = 0;
  std::string node;
  std::string device;       ///< "cpu", "cuda"
  std::string device_name;  ///< the processor's or accelerator's product name
  std::string model;
  std::string data;
  std::string strategy;
  std::string precision;
  std::string engine;                 ///< of an inference run: "eager", "int8", ...; empty: training
  std::int64_t model_file_bytes = 0;  ///< of an inference run: size of the file that its model was stored in
  std::string precision_note;         ///< how the precision was carried out where that is not plain; empty: as named
  std::int64_t global_batch = 0;      ///< samples per optimizer step over all ranks
  std::int64_t model_bytes =
      0;  ///< parameters and buffers of the whole model, in the types it is trained in; 0: unknown
  std::int64_t flops_per_sample = 0;  ///< of training, forward and backward, see models::training_flops; 0: unknown
  std::int64_t predicted_bubble_ppm = -1;  ///< pipelines: expected idle share of a step's computing; -1: none
  std::string config;                      ///< canonical text of the whole configuration
  std::string config_digest;
  std::string version;  ///< of the writing program
  std::int64_t epoch_unix_ns = 0;
  std::int64_t clock_offset_ns = 0;  ///< this rank's steady clock minus rank 0's at epoch, for a coarse alignment
  std::string libtorch_version;
  std::string mpi_version;
  std::string nccl_version;
  std::string cuda_version;
  std::string driver_version;
  std::string hdf5_version;  ///< the writer fills it in where empty
  std::string cpu_name;
  std::int64_t cpu_count = 0;       ///< processors this rank may run on
  std::int64_t threads = 0;         ///< of its tensor operations
  std::string collective_sampling;  ///< which collectives /collectives holds; empty: all
  std::string warnings;             ///< one a line
};

/// Whether a reader refuses a file without it.
enum class Need { kRequired, kOptional };

/// One root attribute and the field it fills. Required ones must be in a file; the reader leaves the others at their
/// defaults.
struct AttributeField {
  std::string_view name;
  std::variant<std::int64_t RunAttributes::*, std::string RunAttributes::*> member;
  Need need;
};

/// One column of a table over rows of type Row.
template <class Row>
struct Field {
  using Member = std::variant<std::int64_t Row::*, double Row::*, std::string Row::*, CollectiveOp Row::*>;
  std::string_view name;
  Member member;
  std::string_view unit;  ///< the data set's `units` attribute: ns, bytes, W; "1" for counts, ratios and enumerations
  Need need = Need::kOptional;
  std::size_t text_width = 0;  ///< bytes of a text column
};

/// A table: a group of the file and its columns, in order.
template <class Row>
struct Table {
  std::string_view name;
  std::uint64_t chunk_rows;
  std::vector<Field<Row>> fields;
};

/// The description that writer, reader and documentation test share.
template <class Row>
const Table<Row>& table();
template <>
const Table<StepRow>& table<StepRow>();
template <>
const Table<EpochRow>& table<EpochRow>();
template <>
const Table<MemoryRow>& table<MemoryRow>();
template <>
const Table<CollectiveRow>& table<CollectiveRow>();
template <>
const Table<DeviceRow>& table<DeviceRow>();
template <>
const Table<InferenceRow>& table<InferenceRow>();
template <>
const Table<AccuracyRow>& table<AccuracyRow>();
template <>
const Table<EventRow>& table<EventRow>();

const std::vector<AttributeField>& attribute_fields();

/// "all_reduce", "broadcast", ...: the names in the file's enumeration.
std::string_view collective_op_name(CollectiveOp op);
/// kOther for an unknown name.
CollectiveOp collective_op_from_name(std::string_view name);
const std::vector<CollectiveOp>& collective_ops();

/// Calls `visit` with a std::type_identity of each row type, in file order.
template <class Visit>
void for_each_table(Visit&& visit) {
  visit(std::type_identity<StepRow>{});
  visit(std::type_identity<EpochRow>{});
  visit(std::type_identity<MemoryRow>{});
  visit(std::type_identity<CollectiveRow>{});
  visit(std::type_identity<DeviceRow>{});
  visit(std::type_identity<InferenceRow>{});
  visit(std::type_identity<AccuracyRow>{});
  visit(std::type_identity<EventRow>{});
}

}  // namespace trainyard::log

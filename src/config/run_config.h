#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace trainyard::config {

enum class Model {
  kResnet18,
  kResnet34,
  kResnet50,
  kResnet20,  ///< from here on the CIFAR family
  kResnet32,
  kResnet44,
  kResnet56,
  kResnet110,
  kRobertaTiny,
  kRobertaBase,
  kRobertaLarge,
};
enum class Data { kDigits, kCifar10, kSvhn, kTinyImageNet, kSst2, kAgNews, kSynthetic };
enum class StrategyKind { kSingle, kDp, kDdp, kZero1, kZero2, kZero3, kModelParallel, kPipeline };
enum class OptimizerKind { kSgd, kAdam, kAdamW };
enum class Compression { kNone, kFp16, kBf16 };
enum class Checkpointing { kNone, kBlock, kStage };
enum class PipelineScheduleKind { kGpipe, kOneFOneB, kInterleaved };
enum class PrecisionKind { kFp32, kTf32, kAmp, kFp16, kBf16 };
enum class NormalisationKind { kOwn, kImagenet };
enum class ScheduleKind { kConstant, kStep, kCosine, kLinear };
enum class DeviceKind { kAuto, kCpu, kCuda };
enum class MemoryFormat { kAuto, kContiguous, kChannelsLast };
enum class EngineKind { kEager, kTorchScript, kInt8, kTorchScriptInt8 };

/// Whether a model reads sequences of tokens; the others read images.
constexpr bool reads_text(Model model) {
  return model == Model::kRobertaTiny || model == Model::kRobertaBase || model == Model::kRobertaLarge;
}

/// What Slurm is asked for; the log records what the job really got. Used by tools/generate alone.
struct SlurmRequest {
  int nodes = 1;
  int ranks_per_node = 1;
  int cpus_per_rank = 4;
  int gpus_per_node = 0;                ///< 0: a CPU job
  std::int64_t memory_mib = 16 * 1024;  ///< per node
  std::int64_t time_s = 4 * 3600;       ///< limit on the wall clock
  std::string account;                  ///< empty: left to SBATCH_ACCOUNT or the command line
  std::string constraint;               ///< empty: none
  bool requeue = true;
  std::int64_t signal_s = 120;  ///< before the time limit, when the job is told to save and end; 0: not at all
};

/// How a model is measured when it answers. Used by tools/infer alone.
struct InferenceRequest {
  EngineKind engine = EngineKind::kEager;
  std::vector<std::int64_t> batch_sizes = {1, 16};  ///< each measured by itself, in this order
  std::int64_t batches = 50;                        ///< measured, of each size
  std::int64_t warmup_batches = 5;                  ///< before them
  std::int64_t calibration_samples = 256;           ///< engines of int8: training samples that set the ranges
  int threads = 0;                                  ///< of tensor operations; 0: OMP_NUM_THREADS, else all cores
};

/// The value of RunConfig::checkpoint_every that leaves the moment to the time that saves take.
inline constexpr std::int64_t kCheckpointByTime = -1;

/// One run. Every field is one key of the option table (options.h), which gives its spelling, default, range and help.
struct RunConfig {
  std::string name;  ///< the config file's stem; "run" without a file
  Model model = Model::kResnet18;
  std::string weights;  ///< a safetensors file, or a folder with a model.safetensors; empty: random by seed
  Data data = Data::kDigits;
  std::string data_dir;         ///< empty: $TRAINYARD_DATA
  bool stage_data = false;      ///< read a copy of the packed file on the node's own disk
  std::int64_t samples = 1024;  ///< synthetic only: training samples an epoch (a tenth of it for validation)
  std::int64_t image_size = 0;  ///< pixels of a side; 0: the data set's own (synthetic: 32)
  NormalisationKind normalisation = NormalisationKind::kOwn;  ///< means and deviations that pixels are scaled by
  bool augment = false;                                       ///< random crop, and flip where the data allows it
  std::string tokenizer;          ///< folder of vocab.json and merges.txt; empty: looked for where weights and data are
  std::int64_t max_length = 128;  ///< tokens of a text, special ones included; the rest is cut off
  StrategyKind strategy = StrategyKind::kSingle;
  PrecisionKind precision = PrecisionKind::kFp32;
  std::int64_t epochs = 1;
  std::int64_t max_steps = 0;    ///< optimizer steps in the whole run; 0: no limit
  std::int64_t batch_size = 32;  ///< samples per rank and batch
  std::int64_t accumulate = 1;   ///< batches whose gradients are summed in one optimizer step
  OptimizerKind optimizer = OptimizerKind::kSgd;
  double lr = 0.1;
  double momentum = 0.9;
  double weight_decay = 0.0;
  ScheduleKind schedule = ScheduleKind::kConstant;
  std::int64_t step_epochs = 30;              ///< schedule = step: epochs between two decays
  double step_factor = 0.1;                   ///< schedule = step: factor of one decay
  double warmup = 0.0;                        ///< epochs of linear warm-up from 0, any schedule
  int workers = 2;                            ///< loader threads per rank; 0: load in line
  double bucket_mb = 25.0;                    ///< MiB of gradients in an all-reduce; the first bucket is at most 1
  Compression compress = Compression::kNone;  ///< type in which gradients travel
  bool sync_batchnorm = false;                ///< batch statistics over all replicas
  int devices = 1;                            ///< of a rank; dp and model-parallel
  std::string cut;                            ///< stages at which a model is cut, by name; empty: by cost
  int stages = 0;                             ///< pipeline: ranks that a replica spans; 0: all of them
  int virtual_stages = 1;                     ///< pipeline-schedule = interleaved: model parts per rank
  std::int64_t micro_batches = 0;             ///< pipeline: parts of a batch; 0: see split_size
  std::int64_t split_size = 0;                ///< pipeline: samples in a micro-batch; 0: see micro_batches
  PipelineScheduleKind pipeline_schedule = PipelineScheduleKind::kOneFOneB;
  Checkpointing activation_checkpointing = Checkpointing::kNone;  ///< recompute activations in backward
  std::uint64_t seed = 0;
  DeviceKind device = DeviceKind::kAuto;
  MemoryFormat memory_format = MemoryFormat::kAuto;
  std::string resume = "auto";                        ///< auto, never, or where a checkpoint is
  bool rebatch = false;                               ///< resume although the global batch is another one
  std::int64_t checkpoint_every = kCheckpointByTime;  ///< optimizer steps; 0: only when asked to stop
  int checkpoints_kept = 2;                           ///< the newest ones
  int restarts_without_progress = 3;                  ///< of a requeued job, after which it gives up
  int collective_timeout_s = 600;                     ///< after which a rank that does not come counts as hung
  double target_accuracy = 0.0;                       ///< of validation, at which training ends; 0: never
  std::string output;                                 ///< empty: results/<name>/<job id, or local time>
  std::optional<InferenceRequest> inference;          ///< none: a run of training
  std::optional<SlurmRequest> slurm;  ///< none: the file has no [slurm] section, and tools/generate passes it by
};

}  // namespace trainyard::config

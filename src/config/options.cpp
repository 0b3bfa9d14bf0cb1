#include "config/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <type_traits>

#include "config/enum_names.h"
#include "config/key_values.h"
#include "config/slurm_units.h"
#include "core/error.h"
#include "core/text.h"

namespace trainyard::config {
namespace {

/// What tools/infer takes of a run's keys; the others are of training.
constexpr std::array<std::string_view, 15> kInferenceToo{
    "model",      "weights",   "data",    "data-dir", "samples", "image-size",    "normalisation", "tokenizer",
    "max-length", "precision", "workers", "seed",     "device",  "memory-format", "output"};

/// How long a run lives and where it is kept, but not what it computes: no part of its digest.
constexpr std::array<std::string_view, 7> kLifeOnly{"output",
                                                    "resume",
                                                    "rebatch",
                                                    "checkpoint-every",
                                                    "checkpoints-kept",
                                                    "restarts-without-progress",
                                                    "collective-timeout"};

template <typename Owner>
Owner& owner(RunConfig& config) {
  if constexpr (std::is_same_v<Owner, SlurmRequest>) {
    if (!config.slurm) config.slurm.emplace();
    return *config.slurm;
  } else if constexpr (std::is_same_v<Owner, InferenceRequest>) {
    if (!config.inference) config.inference.emplace();
    return *config.inference;
  } else {
    return config;
  }
}

template <typename Owner>
Owner owner(const RunConfig& config) {
  if constexpr (std::is_same_v<Owner, SlurmRequest>) {
    return config.slurm.value_or(SlurmRequest{});
  } else if constexpr (std::is_same_v<Owner, InferenceRequest>) {
    return config.inference.value_or(InferenceRequest{});
  } else {
    return config;
  }
}

[[noreturn]] void refuse_value(std::string_view value, std::string_view allowed, std::string_view hint = {}) {
  throw core::UsageError(fmt::format("'{}' is not allowed: {}{}", value, allowed, hint));
}

/// What all kinds of keys share: `read` turns a spelling into the field's value or refuses it, `write` is its inverse.
template <typename Owner, typename T, typename Read, typename Write>
Option make_option(std::string key, T Owner::*field, std::string allowed, std::string unit, std::string help, Read read,
                   Write write) {
  Option option;
  option.in_digest = !std::is_same_v<Owner, SlurmRequest> && std::ranges::count(kLifeOnly, key) == 0;
  option.in_inference = std::is_same_v<Owner, InferenceRequest> || std::ranges::count(kInferenceToo, key) > 0;
  option.key = std::move(key);
  option.allowed = std::move(allowed);
  option.unit = std::move(unit);
  option.help = std::move(help);
  option.set = [field, read](RunConfig& config, std::string_view value) {
    T parsed = read(value);  // before the owner is touched: a refused value leaves no empty [slurm] section behind
    owner<Owner>(config).*field = std::move(parsed);
  };
  option.get = [field, write](const RunConfig& config) { return write(owner<Owner>(config).*field); };
  return option;
}

struct Integers {
  std::int64_t low;
  std::int64_t high;
  std::string_view zero_means = {};  ///< empty: 0 is no exception from the range
};

template <typename Owner, typename Int>
Option integer(std::string key, Int Owner::*field, Integers range, std::string unit, std::string help) {
  const std::string span = fmt::format("{} to {}", range.low, range.high);
  std::string allowed = range.zero_means.empty() ? span : fmt::format("{}, or 0: {}", span, range.zero_means);
  const auto read = [range, allowed](std::string_view value) {
    const auto number = core::parse_int64(value);
    const bool special = number == 0 && !range.zero_means.empty();
    if (!number || (!special && (*number < range.low || *number > range.high))) refuse_value(value, allowed);
    return static_cast<Int>(*number);
  };
  return make_option(std::move(key), field, allowed, std::move(unit), std::move(help), read,
                     [](Int value) { return fmt::format("{}", value); });
}

struct Reals {
  double low;
  double high;
  bool low_open = false;
  bool high_open = false;
};

template <typename Owner>
Option real(std::string key, double Owner::*field, Reals range, std::string unit, std::string help) {
  std::string allowed = fmt::format("{}{} to {}{}", range.low_open ? "above " : "", range.low,
                                    range.high_open ? "below " : "", range.high);
  const auto read = [range, allowed](std::string_view value) {
    const auto number = core::parse_double(value);
    const bool fits = number && (range.low_open ? *number > range.low : *number >= range.low) &&
                      (range.high_open ? *number < range.high : *number <= range.high);
    if (!fits) refuse_value(value, allowed);
    return *number == 0.0 ? 0.0 : *number;  // one spelling of zero
  };
  return make_option(std::move(key), field, allowed, std::move(unit), std::move(help), read,
                     [](double value) { return fmt::format("{}", value); });
}

template <typename Owner, typename Enum>
Option choice(std::string key, Enum Owner::*field, std::string help) {
  std::vector<std::string_view> names;
  for (const auto& [value, name] : EnumNames<Enum>::table)
    names.push_back(name);
  const std::string allowed = fmt::format("{}", fmt::join(names, "|"));
  const auto read = [names, allowed](std::string_view spelling) {
    const auto value = from_name<Enum>(spelling);
    if (!value) {
      const auto near = core::nearest(spelling, std::span<const std::string_view>(names));
      refuse_value(spelling, allowed, near ? fmt::format(" (did you mean {}?)", *near) : std::string());
    }
    return *value;
  };
  return make_option(std::move(key), field, allowed, "", std::move(help), read,
                     [](Enum value) { return std::string(name_of(value)); });
}

template <typename Owner>
Option flag(std::string key, bool Owner::*field, std::string help) {
  const auto read = [](std::string_view value) {
    if (value != "true" && value != "false") refuse_value(value, "true|false");
    return value == "true";
  };
  return make_option(std::move(key), field, "true|false", "", std::move(help), read,
                     [](bool value) { return std::string(value ? "true" : "false"); });
}

template <typename Owner>
Option text(std::string key, std::string Owner::*field, std::string allowed, std::string help) {
  const auto read = [](std::string_view value) {
    const std::string defect = value_defect(value);
    if (!defect.empty()) throw core::UsageError(fmt::format("'{}' {}", value, defect));
    return std::string(value);
  };
  return make_option(std::move(key), field, std::move(allowed), "", std::move(help), read,
                     [](const std::string& value) { return value; });
}

constexpr std::string_view kByTime = "auto";
constexpr std::int64_t kMostCheckpointSteps = 1'000'000'000;
constexpr std::string_view kCheckpointEveryForm = "auto, 1 to 1000000000, or 0: only when asked to stop";

std::int64_t parse_checkpoint_every(std::string_view value) {
  if (value == kByTime) return kCheckpointByTime;
  const auto steps = core::parse_int64(value);
  if (!steps || *steps < 0 || *steps > kMostCheckpointSteps) refuse_value(value, kCheckpointEveryForm);
  return *steps;
}

std::vector<Option> run_options() {
  using C = RunConfig;
  std::vector<Option> table;
  table.push_back(choice("model", &C::model,
                         "network; resnet18, 34 and 50 take the CIFAR stem up to 64 pixels, the ImageNet stem above; "
                         "resnet20 to 110 are the CIFAR family of 6n + 2 layers; a RoBERTa reads text"));
  table.push_back(text("weights", &C::weights, "file or folder",
                       "initial weights: a safetensors file, or a folder with a model.safetensors, for a RoBERTa as "
                       "Hugging Face saves it, whose config.json then says the sizes; empty: random"));
  table.push_back(choice("data", &C::data,
                         "data set; digits is built in, synthetic is made up (images, or tokens for a RoBERTa), the "
                         "others are read from data-dir"));
  table.push_back(text("data-dir", &C::data_dir, "folder or file",
                       "where the data set's files are, or one file that tools/pack wrote; empty: $TRAINYARD_DATA"));
  table.push_back(
      flag("stage-data", &C::stage_data,
           "data-dir = a file of tools/pack: copy it once a node to $SLURM_TMPDIR, $SLURM_JOBTMP or $TMPDIR "
           "and read it there"));
  table.push_back(integer("samples", &C::samples, {1, 100'000'000}, "samples",
                          "data = synthetic: training samples an epoch, and a tenth of it for validation"));
  table.push_back(integer("image-size", &C::image_size, {8, 1024, "the data set's own, 32 for synthetic"}, "pixels",
                          "side of an image; tiny-imagenet is resized to it, the others but synthetic have one size"));
  table.push_back(choice("normalisation", &C::normalisation,
                         "mean and deviation of pixels; own: the data set's; imagenet: what weights from elsewhere are "
                         "often trained with"));
  table.push_back(flag("augment", &C::augment,
                       "random crop with padding, and horizontal flip where the data allows it (not digits, svhn)"));
  table.push_back(text("tokenizer", &C::tokenizer, "folder",
                       "text: where its tokenizer's vocab.json and merges.txt are; empty: looked for in the folder of "
                       "weights, in data-dir, and in roberta-tokenizer there"));
  table.push_back(integer("max-length", &C::max_length, {4, 8192}, "tokens",
                          "text: the most tokens of a sample, of which two are special; the rest is cut off"));
  table.push_back(choice("strategy", &C::strategy,
                         "how ranks share the work; zero1 shards the optimizer's state, zero2 gradients too, zero3 "
                         "parameters too"));
  table.push_back(
      choice("precision", &C::precision,
             "tf32: fp32 with TF32 matrix units; amp: fp32 weights, layers in half where that is safe (on a "
             "CPU in bfloat16); fp16, bf16: weights and activations in that type, fp32 master weights"));
  table.push_back(integer("epochs", &C::epochs, {1, 1'000'000}, "epochs", "passes over the training data"));
  table.push_back(integer("max-steps", &C::max_steps, {1, 1'000'000'000'000, "no limit"}, "steps",
                          "end after this many optimizer steps, even within an epoch"));
  table.push_back(integer("batch-size", &C::batch_size, {1, 65'536}, "samples", "per rank and batch"));
  table.push_back(integer("accumulate", &C::accumulate, {1, 65'536}, "batches",
                          "batches whose gradients are summed in one optimizer step"));
  table.push_back(choice("activation-checkpointing", &C::activation_checkpointing,
                         "activations computed again in backward to save memory; stage: by coarser parts than block"));
  table.push_back(choice("optimizer", &C::optimizer, "adam and adamw: betas 0.9 and 0.999, epsilon 1e-8"));
  table.push_back(real("lr", &C::lr, {0, 100, true}, "", "learning rate"));
  table.push_back(real("momentum", &C::momentum, {0, 1, false, true}, "", "optimizer = sgd: its momentum"));
  table.push_back(real("weight-decay", &C::weight_decay, {0, 1}, "",
                       "L2 penalty; adamw: decoupled decay, times the learning rate"));
  table.push_back(choice("schedule", &C::schedule, "how the learning rate falls"));
  table.push_back(
      integer("step-epochs", &C::step_epochs, {1, 1'000'000}, "epochs", "schedule = step: between two decays"));
  table.push_back(real("step-factor", &C::step_factor, {0, 1, true}, "", "schedule = step: factor of one decay"));
  table.push_back(real("warmup", &C::warmup, {0, 1'000'000}, "epochs", "linear rise of the learning rate from 0"));
  table.push_back(integer("workers", &C::workers, {1, 256, "load in line"}, "threads", "loader threads per rank"));
  table.push_back(real("bucket-mb", &C::bucket_mb, {0, 4096, true}, "MiB",
                       "gradients in one all-reduce; the first bucket is at most 1"));
  table.push_back(flag("sync-batchnorm", &C::sync_batchnorm,
                       "batch statistics over the samples of all ranks (ddp, zero1, zero2, zero3)"));
  table.push_back(choice("compress", &C::compress, "type in which fp32 gradients travel between ranks; rounds them"));
  table.push_back(integer("devices", &C::devices, {1, 64}, "devices",
                          "strategy = dp or model-parallel: those that one rank drives, among which it divides a batch "
                          "or the model; on a CPU the same one as often"));
  table.push_back(integer("stages", &C::stages, {1, 1024, "all of them"}, "ranks",
                          "strategy = pipeline: ranks that hold one replica of the model"));
  table.push_back(text("cut", &C::cut, "stages",
                       "strategy = pipeline or model-parallel: first stage of each part but the first, as "
                       "layer2.0,layer3.0; empty: by measured cost"));
  table.push_back(integer("micro-batches", &C::micro_batches, {1, 65'536, "see split-size"}, "micro-batches",
                          "strategy = pipeline: parts of a batch"));
  table.push_back(integer("split-size", &C::split_size, {1, 65'536, "4 micro-batches a stage"}, "samples",
                          "strategy = pipeline: the most in one micro-batch, where micro-batches = 0"));
  table.push_back(choice("pipeline-schedule", &C::pipeline_schedule,
                         "strategy = pipeline: order of the micro-batches' forward and backward passes"));
  table.push_back(integer("virtual-stages", &C::virtual_stages, {1, 64}, "parts",
                          "pipeline-schedule = interleaved: parts of the model a rank holds"));
  table.push_back(integer("seed", &C::seed, {0, std::int64_t{9'007'199'254'740'992}}, "",
                          "of weights, order of samples and augmentation"));
  table.push_back(choice("device", &C::device, "auto: cuda where a device is found, else cpu"));
  table.push_back(
      choice("memory-format", &C::memory_format,
             "layout of images and activations; auto: channels-last on a CPU from 32 pixels a side, else contiguous"));
  table.push_back(real("target-accuracy", &C::target_accuracy, {0, 1}, "",
                       "training ends after the epoch whose validation accuracy reaches it, as 0.93; 0: never"));
  table.push_back(
      text("resume", &C::resume, "auto|never|folder",
           "checkpoint to go on from; auto: the newest whole one of this output folder, where there is one; "
           "folder: a checkpoint step-N, or a run that saved some"));
  table.push_back(flag("rebatch", &C::rebatch, "resume although a step has another number of samples than it had"));
  table.push_back(make_option(
      "checkpoint-every", &C::checkpoint_every, std::string(kCheckpointEveryForm), "steps",
      "between two checkpoints, and one at the end; auto: once a run has lasted a minute, as often as loses least time "
      "by what a save takes",
      parse_checkpoint_every,
      [](std::int64_t steps) { return steps == kCheckpointByTime ? std::string(kByTime) : fmt::format("{}", steps); }));
  table.push_back(integer("checkpoints-kept", &C::checkpoints_kept, {1, 1'000}, "checkpoints", "the newest ones"));
  table.push_back(integer("restarts-without-progress", &C::restarts_without_progress, {1, 1'000}, "restarts",
                          "of a job that Slurm started again, without a new checkpoint: then it gives up"));
  table.push_back(integer("collective-timeout", &C::collective_timeout_s, {5, 86'400}, "seconds",
                          "a collective that takes longer ends the run, and the rank that did not come is named"));
  table.push_back(text("output", &C::output, "folder", "where the run is written; empty: results/NAME/JOB"));
  return table;
}

std::vector<Option> slurm_options() {
  using S = SlurmRequest;
  std::vector<Option> table;
  table.push_back(integer("slurm.nodes", &S::nodes, {1, 10'000}, "nodes", "sbatch --nodes"));
  table.push_back(integer("slurm.ranks-per-node", &S::ranks_per_node, {1, 1024}, "ranks",
                          "sbatch --ntasks-per-node; with GPUs each rank drives one"));
  table.push_back(integer("slurm.cpus-per-rank", &S::cpus_per_rank, {1, 1024}, "CPUs",
                          "sbatch --cpus-per-task, also given to srun, which does not inherit it"));
  table.push_back(integer("slurm.gpus-per-node", &S::gpus_per_node, {1, 64, "a CPU job"}, "GPUs", "sbatch --gres"));
  table.push_back(make_option("slurm.memory", &S::memory_mib, std::string(kMemoryForm), "", "per node, sbatch --mem",
                              parse_memory_mib, format_memory_mib));
  table.push_back(make_option("slurm.time", &S::time_s, std::string(kTimeForm), "", "limit, sbatch --time",
                              parse_time_s, format_time_s));
  table.push_back(text("slurm.account", &S::account, "name", "empty: left to SBATCH_ACCOUNT or to sbatch --account"));
  table.push_back(text("slurm.constraint", &S::constraint, "features", "sbatch --constraint, like h100|a100"));
  table.push_back(flag("slurm.requeue", &S::requeue,
                       "start the job again after a node failed, or when it stopped before its time limit"));
  table.push_back(integer("slurm.signal", &S::signal_s, {10, 65'535, "none"}, "seconds",
                          "sbatch --signal: before the time limit, when a run is told to save a checkpoint and end"));
  return table;
}

constexpr std::int64_t kLargestBatch = 65'536;

std::vector<std::int64_t> parse_batch_sizes(std::string_view value) {
  constexpr std::string_view kAllowed = "sizes of 1 to 65536, each once, as 1,16";
  std::vector<std::int64_t> sizes;
  for (const std::string_view part : core::split(value, ',')) {
    const auto size = core::parse_int64(core::trim(part));
    if (!size || *size < 1 || *size > kLargestBatch || std::ranges::count(sizes, *size) > 0)
      refuse_value(value, kAllowed);
    sizes.push_back(*size);
  }
  return sizes;
}

std::vector<Option> inference_options() {
  using I = InferenceRequest;
  std::vector<Option> table;
  table.push_back(choice("inference.engine", &I::engine,
                         "what computes: the model as it is, TorchScript traced from it, or either in 8-bit integers"));
  table.push_back(
      make_option("inference.batch-sizes", &I::batch_sizes, "sizes, as 1,16", "samples",
                  "batches that are measured, size by size", parse_batch_sizes,
                  [](const std::vector<std::int64_t>& sizes) { return fmt::format("{}", fmt::join(sizes, ",")); }));
  table.push_back(integer("inference.batches", &I::batches, {1, 1'000'000}, "batches", "measured, of each size"));
  table.push_back(integer("inference.warmup-batches", &I::warmup_batches, {0, 1'000'000}, "batches",
                          "of each size before those that are measured"));
  table.push_back(integer("inference.calibration-samples", &I::calibration_samples, {1, 1'000'000}, "samples",
                          "engines of int8: training samples that the ranges of activations are taken from"));
  table.push_back(integer("inference.threads", &I::threads, {1, 1024, "OMP_NUM_THREADS, or all cores"}, "threads",
                          "of tensor operations"));
  return table;
}

std::vector<Option> make_table() {
  std::vector<Option> table = run_options();
  std::ranges::move(inference_options(), std::back_inserter(table));
  std::ranges::move(slurm_options(), std::back_inserter(table));
  return table;
}

std::string markdown_table(std::string_view section) {
  std::string text = "| key | values | default | unit | meaning |\n| --- | --- | --- | --- | --- |\n";
  const auto escape = [](std::string cell) {
    for (std::size_t at = 0; (at = cell.find('|', at)) != std::string::npos; at += 2)
      cell.insert(at, 1, '\\');
    return cell;
  };
  for (const Option& option : option_table()) {
    if (option.section() != section) continue;
    const std::string value = option.default_value();
    text += fmt::format("| `{}` | {} | {} | {} | {} |\n", option.name(), escape(option.allowed),
                        value.empty() ? "" : "`" + value + "`", option.unit, escape(option.help));
  }
  return text;
}

}  // namespace

std::string_view Option::section() const {
  const auto dot = key.find('.');
  return dot == std::string::npos ? std::string_view() : std::string_view(key).substr(0, dot);
}

std::string_view Option::name() const {
  const auto dot = key.find('.');
  return dot == std::string::npos ? std::string_view(key) : std::string_view(key).substr(dot + 1);
}

std::string Option::default_value() const {
  return get(RunConfig{});
}

const std::vector<Option>& option_table() {
  static const std::vector<Option> table = make_table();
  return table;
}

const Option* find_option(std::string_view key) {
  const auto found = std::ranges::find(option_table(), key, &Option::key);
  return found == option_table().end() ? nullptr : &*found;
}

std::string suggestion(std::string_view misspelled, std::string_view prefix, bool inference) {
  std::vector<std::string_view> keys;
  for (const Option& option : option_table()) {
    if (!inference && !option.in_inference_section()) keys.push_back(option.key);
    if (inference && option.in_inference) keys.push_back(option.name());
  }
  const auto near = core::nearest(misspelled, std::span<const std::string_view>(keys));
  return near ? fmt::format(" (did you mean {}{}?)", prefix, *near) : std::string();
}

std::string markdown_reference() {
  return fmt::format(
      R"(# Configuration

<!-- Written by `tools/generate --keys` from the option table (src/config/options.cpp); a test compares. -->

A run is described by one file of `key = value` lines, such as `slurm/configs/resnet34_fp16_2node.cfg`. The same keys are
options of the command line, `--key value` or `--key=value`, and the command line wins:

    tools/train --config slurm/configs/resnet34_fp16_2node.cfg --device cpu --data digits --max-steps 3

- Keys are written in full: an abbreviation is an unknown key. A key given twice is refused, in a file and on the command line.
- A line that starts with `#` is a comment. A `#` within a value is refused, and so is a comment behind one.
- A file's name without `.cfg` is the run's name: letters, digits, `.`, `_` and `-`, beginning with a letter or a digit.
  `--name` gives another one.
- A file with a section `[study]` describes many runs: [studies.md](studies.md).
- An unknown key, a value out of range and a combination that cannot run end with exit status 2 and one line that names the
  file, the line and the key, before anything starts.

## Keys of a run

{}
## Keys of the section [inference]

A file with this section is one of `tools/infer`, and holds none of training's keys; `tools/train` refuses it. From a file
without it `tools/infer` takes model, data and the other keys that it knows. On its command line they have no section:
`--engine int8`.

{}
## Keys of the section [slurm]

What Slurm is asked for. Only `tools/generate` reads them: the trainer takes what the job really got, and options of sbatch
(`sbatch --nodes=4 ...`) override them. A file without this section gets no sbatch file.

{})",
      markdown_table(""), markdown_table("inference"), markdown_table("slurm"));
}

}  // namespace trainyard::config

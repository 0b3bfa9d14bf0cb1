#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "config/run_config.h"
#include "models/input_shape.h"
#include "models/pass.h"
#include "models/registry.h"

namespace trainyard::models {

/// One unit of a model: models are sequences of stages, so that they can be cut between any two.
class Stage {
 public:
  virtual ~Stage() = default;
  virtual at::Tensor forward(const at::Tensor& input, Pass pass) = 0;
};

/// Indices [begin, end).
struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;

  std::size_t size() const { return end - begin; }
  bool operator==(const Range&) const = default;
};

/// A stage and which of its model's tensors are its own.
struct StageEntry {
  std::string name;   ///< "stem", "layer1.0", "head"
  std::string group;  ///< neighbours of one group are recomputed together: "stem", "layer1", "head"
  std::unique_ptr<Stage> stage;
  Range parameters;
  Range buffers;
};

/// Collects the stages of a model while it is built.
class StageList {
 public:
  /// registry: where the stages' constructors register their tensors; it must outlive this.
  explicit StageList(const TensorRegistry& registry) : registry_(registry) {}

  /// The stages that follow are of this group.
  void begin_group(std::string group) { group_ = std::move(group); }

  template <class S, class... Arguments>
  void add(std::string name, Arguments&&... arguments) {
    StageEntry entry{std::move(name), group_, nullptr, {registry_.parameters.size(), 0}, {registry_.buffers.size(), 0}};
    entry.stage = std::make_unique<S>(std::forward<Arguments>(arguments)...);
    entry.parameters.end = registry_.parameters.size();
    entry.buffers.end = registry_.buffers.size();
    entries_.push_back(std::move(entry));
  }

  std::vector<StageEntry> take() { return std::move(entries_); }

 private:
  const TensorRegistry& registry_;
  std::string group_;
  std::vector<StageEntry> entries_;
};

class Model;

/// What a model was built for, and how to build it again.
struct ModelOrigin {
  InputShape input;
  std::function<std::unique_ptr<Model>()> build;
};

/// A sequence of stages and the tensors they hold.
class Model {
 public:
  Model(TensorRegistry registry, std::vector<StageEntry> stages, ModelOrigin origin = {})
      : registry_(std::move(registry)), stages_(std::move(stages)), origin_(std::move(origin)) {}

  /// images [N, C, H, W], or token ids int64 [N, L] -> logits [N, classes].
  at::Tensor forward(const at::Tensor& input, Pass pass) const {
    return forward(input, pass.over(input), {0, stages_.size()});
  }
  /// Through some of the stages: from the first one's input to the last one's output. Stages that do not begin with the
  /// model's first need pass.tokens where it takes tokens (Pass::over). In training, where a graph is built, segments
  /// of them are recomputed in backward as recompute() says: the model must live until then.
  at::Tensor forward(const at::Tensor& input, Pass pass, Range stages) const;
  /// How much of a training pass keeps its input alone and is run again in backward: nothing, each stage by itself, or
  /// neighbouring stages of one group together, within the stages that one forward() goes through.
  void recompute(config::Checkpointing segments) { recompute_ = segments; }

  /// From now on every pass, and what is recomputed of it, runs under Autocast to this type.
  void autocast(at::ScalarType lower) { autocast_ = lower; }

  /// From now on batch norm in training takes its statistics over the samples of all ranks, which makes every training
  /// pass collective. over: must outlive the model's passes. wait: waits for a collective, in the thread that runs the
  /// pass.
  void synchronise_statistics(comm::Communicator& over, std::function<void(std::shared_ptr<comm::Work>)> wait) {
    registry_.statistics->over = &over;
    registry_.statistics->wait = std::move(wait);
  }

  const InputShape& input() const { return origin_.input; }
  /// The whole model as it was first built: in float32 on the CPU, with its initial values.
  std::unique_ptr<Model> fresh_copy() const { return origin_.build(); }
  std::span<const StageEntry> stages() const { return stages_; }
  const std::vector<Parameter>& parameters() const { return registry_.parameters; }
  const std::vector<NamedTensor>& buffers() const { return registry_.buffers; }
  std::int64_t parameter_count() const;
  /// Moves every parameter and buffer, in place: handles taken before stay valid.
  void to(at::Device device);
  /// Moves some stages and their tensors into a model of their own, where they are neighbours, and leaves holes.
  Model take(std::span<const Range> taken);

 private:
  at::Tensor run(const at::Tensor& input, Pass pass, Range stages) const;
  /// The end of the segment that begins at a stage, at most `limit`.
  std::size_t segment_end(std::size_t begin, std::size_t limit) const;

  TensorRegistry registry_;
  std::vector<StageEntry> stages_;
  ModelOrigin origin_;
  config::Checkpointing recompute_ = config::Checkpointing::kNone;
  std::optional<at::ScalarType> autocast_;
};

/// The ResNet of that name, float32 on the CPU, its initial values a function of seed alone.
std::unique_ptr<Model> build(config::Model model, ImageShape images, std::int64_t classes, std::uint64_t seed);
/// The model that a configuration names, for this input, with the values of `weights` where those are given; a RoBERTa
/// with its sequence-classification head, which stays random where the weights have none, and with the sizes of the
/// config.json beside its weights.
/// @throws core::UsageError where it does not take such input, or there are no such weights; core::Error where these
/// are
///   damaged or another model's.
std::unique_ptr<Model> build(const config::RunConfig& config, const InputShape& input, std::int64_t classes);

}  // namespace trainyard::models

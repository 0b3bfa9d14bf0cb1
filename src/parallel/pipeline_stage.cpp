#include "parallel/pipeline_stage.h"

#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <utility>

#include "parallel/loss.h"

namespace trainyard::parallel {
namespace {

using timing::Phase;
using Pass = Task::Pass;
using Region = timing::StepTimer::Region;

/// The last backward of a stage: what it writes is final.
const Task* last_backward(const std::vector<Action>& actions) {
  const Task* last = nullptr;
  for (const Action& action : actions) {
    const Task* task = std::get_if<Task>(&action);
    if (task != nullptr && task->pass == Pass::kBackward) last = task;
  }
  return last;
}

}  // namespace

PipelineStage::PipelineStage(Replica& replica, std::vector<PipelinePart> parts, StagePlace place,
                             comm::Communicator& communicator)
    : replica_(replica), parts_(std::move(parts)), place_(place), communicator_(communicator) {
  std::size_t begin = 0;
  for (std::size_t part = static_cast<std::size_t>(place_.stage); part < parts_.size();
       part += static_cast<std::size_t>(place_.stages)) {
    own_.push_back({begin, begin + parts_[part].stages.size()});
    begin = own_.back().end;
  }
}

StepResult PipelineStage::train(const PipelineSchedule& schedule, std::span<const data::Batch> micro_batches,
                                std::int64_t samples, bool last, timing::StepTimer& timer) {
  shape_ = schedule.shape;
  micro_batches_ = micro_batches;
  samples_ = samples;
  timer_ = &timer;
  const at::TensorOptions on_device = at::TensorOptions(replica_.device());
  result_ = {at::zeros({}, on_device.dtype(at::kFloat)), at::zeros({}, on_device.dtype(at::kLong)), 0, {}};
  const std::vector<Action>& actions = schedule.actions[static_cast<std::size_t>(place_.stage)];
  const Task* final_task = last ? last_backward(actions) : nullptr;
  for (const Action& action : actions) {
    const Task* task = std::get_if<Task>(&action);
    if (task == nullptr) {
      exchange(std::get<Exchange>(action));
    } else if (task->pass == Pass::kForward) {
      forward(*task, micro_batches_[static_cast<std::size_t>(task->micro_batch)]);
    } else {
      if (task == final_task) replica_.hooks().expect_last_backward();
      backward(*task);
    }
  }
  const Region region(timer, Phase::kIdle);
  for (const auto& work : std::exchange(works_, {}))
    work->wait();
  return std::exchange(result_, {});
}

void PipelineStage::forward(const Task& task, const data::Batch& batch) {
  at::Tensor input;
  models::Pass pass(models::Pass::kTrain, batch.random_key);
  {
    const Region region(*timer_, Phase::kTransfer);
    input = model_input(batch, task.part);
    if (input.defined()) pass = pass.over(input);
  }
  if (task.part > 0) input = take_input(task).set_requires_grad(true);
  at::Tensor labels;
  if (is_last(task.part)) {
    const Region region(*timer_, Phase::kTransfer);
    labels = labels_of(batch);
  }
  const Region region(*timer_, Phase::kForward);
  at::Tensor output = replica_.model().forward(input, pass, own_stages(task.part));
  if (is_last(task.part)) {
    const at::Tensor loss = loss_sum(output, labels);
    result_.add({loss.detach(), count_correct(output, labels), labels.size(0), {}});
    output = replica_.scaled(loss.div(static_cast<double>(samples_)));
  } else {
    deliver(task, output.detach());
  }
  held_[task] = {task.part == 0 ? at::Tensor() : std::move(input), std::move(output)};
}

void PipelineStage::backward(const Task& task) {
  const at::Tensor gradient = is_last(task.part) ? at::Tensor() : take_input(task);
  const Region region(*timer_, Phase::kBackward);
  const auto found = held_.find({Pass::kForward, task.part, task.micro_batch});
  const Held held = std::move(found->second);
  held_.erase(found);
  torch::autograd::backward({held.output}, gradient.defined() ? std::vector{gradient} : std::vector<at::Tensor>());
  if (task.part > 0) deliver(task, std::move(held.input.mutable_grad()));
}

void PipelineStage::deliver(const Task& task, at::Tensor result) {
  if (*reader_of(shape_, task) == place_.stage) {
    arrivals_[task] = {std::move(result), nullptr};
  } else {
    outgoing_[task] = std::move(result);
  }
}

void PipelineStage::exchange(const Exchange& messages) {
  std::vector<comm::P2P> transfers;
  std::vector<Task> received;
  for (const Message& message : messages) {
    const Task& made_by = message.made_by;
    // A gradient has the shape of the output of the part before.
    const PipelinePart& part =
        parts_[static_cast<std::size_t>(made_by.pass == Pass::kForward ? made_by.part : made_by.part - 1)];
    if (message.direction == Message::Direction::kSend) {
      const auto found = outgoing_.find(made_by);
      const at::Tensor result = found->second.contiguous(part.output.suggest_memory_format());
      outgoing_.erase(found);
      transfers.push_back(comm::P2P::send(result, rank_of(message.peer)));
    } else {
      const at::Tensor& input = micro_batches_[static_cast<std::size_t>(made_by.micro_batch)].inputs;
      arrivals_[made_by] = {part.make_output(input, replica_.device()), nullptr};
      received.push_back(made_by);
      transfers.push_back(comm::P2P::receive(arrivals_[made_by].tensor, rank_of(message.peer)));
    }
  }
  std::shared_ptr<comm::Work> work = communicator_.exchange(std::move(transfers));
  for (const Task& task : received)
    arrivals_[task].work = work;
  std::erase_if(works_, [](const auto& earlier) {
    if (!earlier->done()) return false;
    earlier->wait();  // throws what went wrong
    return true;
  });
  works_.push_back(std::move(work));
}

at::Tensor PipelineStage::take_input(const Task& task) {
  const auto found = arrivals_.find(*input_of(shape_, task));
  const Arrival arrival = std::move(found->second);
  arrivals_.erase(found);
  if (arrival.work) {
    const Region region(*timer_, Phase::kIdle);
    arrival.work->wait();
  }
  return arrival.tensor;
}

Evaluation PipelineStage::evaluate(const data::Batch& batch) {
  Evaluation result;
  const std::int64_t samples = batch.labels.size(0);
  if (samples == 0) return result;
  const c10::NoGradGuard no_grad;
  at::Tensor activation;
  for (int part = place_.stage; part < static_cast<int>(parts_.size()); part += place_.stages) {
    const bool crosses = place_.stages > 1;
    const at::Tensor input = model_input(batch, part);
    models::Pass pass(models::Pass::kEvaluate);
    if (input.defined()) pass = pass.over(input);
    if (part == 0) {
      activation = input;
    } else if (crosses) {
      activation = parts_[static_cast<std::size_t>(part - 1)].make_output(batch.inputs, replica_.device());
      communicator_.exchange({comm::P2P::receive(activation, rank_of((part - 1) % place_.stages))})->wait();
    }
    activation = replica_.model().forward(activation, pass, own_stages(part));
    if (is_last(part)) {
      const at::Tensor labels = labels_of(batch);
      result = {loss_sum(activation, labels).item<double>(), count_correct(activation, labels).item<std::int64_t>(),
                samples};
    } else if (crosses) {
      activation = activation.contiguous(parts_[static_cast<std::size_t>(part)].output.suggest_memory_format());
      communicator_.exchange({comm::P2P::send(activation, rank_of((part + 1) % place_.stages))})->wait();
    }
  }
  return result;
}

at::Tensor PipelineStage::model_input(const data::Batch& batch, int part) {
  return part == 0 || !batch.inputs.is_floating_point() ? replica_.to_device(batch.inputs) : at::Tensor();
}

at::Tensor PipelineStage::labels_of(const data::Batch& batch) {
  return batch.labels.to(replica_.device(), /*non_blocking=*/true);
}

models::Range PipelineStage::own_stages(int part) const {
  return own_[static_cast<std::size_t>(part / place_.stages)];
}

}  // namespace trainyard::parallel

// What the timing log costs a training step: rounds of steps with a log and without one, in alternation, in one process
// and with the same batches. Without one the step is still timed, but its row and its memory go nowhere.
//
// Beside the difference, which drowns in the noise of a step, the parts are measured by themselves: what the training
// thread spends in the log's calls, and the processor time of the log's own thread. LibTorch has one thread here, so
// that all processor time of the process beyond the training thread's is the log's.

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "comm/bootstrap.h"
#include "config/options.h"
#include "core/clock.h"
#include "core/error.h"
#include "data/datasets.h"
#include "data/loader.h"
#include "log/writer.h"
#include "models/model.h"
#include "parallel/strategy.h"
#include "timing/host_memory.h"
#include "timing/memory_trace.h"
#include "timing/step_timer.h"
#include "training/model_input.h"

namespace {

using namespace trainyard;

constexpr std::int64_t kSampleSteps = 64;  // as the trainer's

std::int64_t cpu_ns(clockid_t clock) {
  timespec time{};
  if (clock_gettime(clock, &time) != 0) throw core::Error("the processor time cannot be read");
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

/// Nanoseconds a step, of a round.
struct Cost {
  double wall = 0;
  double cpu = 0;         ///< of all threads
  double calls = 0;       ///< in the log's calls, on the training thread
  double log_thread = 0;  ///< processor time of the others
};

class Bench {
 public:
  Bench(config::RunConfig config, std::filesystem::path folder)
      : config_(std::move(config)),
        folder_(std::move(folder)),
        data_(data::open(config_)),
        world_(comm::bootstrap({.device = config::DeviceKind::kCpu})),
        strategy_(parallel::make_strategy(
            config_, models::build(config_, training::model_input(*data_.train), data_.train->classes()), world_.device,
            *world_.data)) {
    strategy_->synchronise();
    data::Loader loader(
        data_.train, data::Sampler::training({.samples = data_.train->size(), .batch_size = config_.batch_size}), {});
    loader.start_epoch(0);
    batch_ = loader.next();
    if (!batch_) throw core::Error("the data are fewer than a batch");
  }

  Cost round(std::int64_t steps, bool with_log) {
    std::optional<log::Writer> writer;
    const std::filesystem::path file = folder_ / fmt::format("bench-log-{}.h5", ::getpid());
    if (with_log) writer.emplace(file, log::RunAttributes{});
    Cost cost;
    const auto logging = [&](const auto& call) {
      const std::int64_t start_ns = core::steady_ns();
      call();
      cost.calls += static_cast<double>(core::steady_ns() - start_ns);
    };
    timing::StepTimer timer(world_.device, core::steady_ns(), [&](const log::StepRow& row) {
      if (writer) logging([&] { writer->append(row); });
    });
    const std::int64_t thread_ns = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
    const std::int64_t process_ns = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
    const std::int64_t start_ns = core::steady_ns();
    timer.start();
    for (std::int64_t step = 0; step < steps; ++step) {
      const parallel::StepResult result = take(step, timer, writer, logging);
      timing::StepFacts facts;
      facts.step = step;
      facts.samples = result.samples;
      facts.loss = result.loss_sum.div(static_cast<double>(result.samples));
      timer.finish_step(std::move(facts));
    }
    timer.drain();
    cost.wall = static_cast<double>(core::steady_ns() - start_ns);
    if (writer) writer->flush();  // what is still to be written is a cost of these steps too
    cost.cpu = static_cast<double>(cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - process_ns);
    cost.log_thread = cost.cpu - static_cast<double>(cpu_ns(CLOCK_THREAD_CPUTIME_ID) - thread_ns);
    writer.reset();
    if (with_log) std::filesystem::remove(file);
    for (double* ns : {&cost.wall, &cost.cpu, &cost.calls, &cost.log_thread})
      *ns /= static_cast<double>(steps);
    return cost;
  }

 private:
  template <class Logging>
  parallel::StepResult take(std::int64_t step, timing::StepTimer& timer, std::optional<log::Writer>& writer,
                            const Logging& logging) {
    constexpr double kRate = 1e-4;
    if (!writer || step % kSampleSteps != 1) return strategy_->step({&*batch_, 1}, kRate, timer);
    timing::MemoryTrace trace(world_.device);
    timer.observe([&](timing::Phase ended) { logging([&] { trace.end_of(ended); }); });
    parallel::StepResult result = strategy_->step({&*batch_, 1}, kRate, timer);
    timer.observe({});
    logging([&] { writer->append(trace.finish(step, strategy_->memory())); });
    return result;
  }

  config::RunConfig config_;
  std::filesystem::path folder_;
  data::Datasets data_;
  comm::World world_;
  std::unique_ptr<parallel::Strategy> strategy_;
  std::optional<data::Batch> batch_;
};

template <class Value>
double median(const std::vector<Cost>& costs, Value value) {
  std::vector<double> values;
  for (const Cost& cost : costs)
    values.push_back(value(cost));
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 7) {
    fmt::print(stderr, "usage: {} MODEL DATA BATCH_SIZE STEPS ROUNDS FOLDER\n", argv[0]);
    return 2;
  }
  timing::count_host_memory();
  at::set_num_threads(1);
  config::RunConfig config;
  config::find_option("model")->set(config, argv[1]);
  config::find_option("data")->set(config, argv[2]);
  config.batch_size = std::stoll(argv[3]);
  const std::int64_t steps = std::stoll(argv[4]);
  Bench bench(config, argv[6]);
  bench.round(std::min<std::int64_t>(steps, 20), false);  // caches, and memory that stays
  std::vector<Cost> with;
  std::vector<Cost> without;
  std::vector<double> ratios;
  for (int i = 0; i < std::stoi(argv[5]); ++i) {
    const bool first_with = i % 2 == 0;
    for (const bool with_log : {first_with, !first_with})
      (with_log ? with : without).push_back(bench.round(steps, with_log));
    ratios.push_back(with.back().cpu / without.back().cpu - 1);
    fmt::print("round {}: with {:.1f} us, without {:.1f} us of processor time a step ({:+.2f} %)\n", i + 1,
               with.back().cpu / 1e3, without.back().cpu / 1e3, 100 * ratios.back());
  }
  std::sort(ratios.begin(), ratios.end());
  const double step = median(without, [](const Cost& cost) { return cost.wall; });
  const double calls = median(with, [](const Cost& cost) { return cost.calls; });
  const double thread = median(with, [](const Cost& cost) { return cost.log_thread; });
  fmt::print("a step without the log: {:.3f} ms\n", step / 1e6);
  fmt::print("difference of processor time: median {:+.3f} %, {:+.3f} to {:+.3f} %\n", 100 * ratios[ratios.size() / 2],
             100 * ratios.front(), 100 * ratios.back());
  fmt::print("in the log's calls: {:.1f} us a step, {:.4f} %\n", calls / 1e3, 100 * calls / step);
  fmt::print("on the log's thread: {:.1f} us a step, {:.4f} %\n", thread / 1e3, 100 * thread / step);
  return 0;
} catch (const std::exception& error) {
  fmt::print(stderr, "bench_log: {}\n", error.what());
  return 1;
}

#include "training/resume.h"

#include <fmt/format.h>

#include <functional>
#include <system_error>

#include "comm/values.h"
#include "config/enum_names.h"
#include "core/error.h"
#include "core/text.h"

namespace trainyard::training {
namespace {

namespace fs = std::filesystem;

/// Checkpoints to try, the best first. On rank 0.
std::vector<fs::path> candidates(const config::RunConfig& config, const fs::path& root) {
  if (config.resume == "never") return {};
  if (config.resume == "auto") return find_checkpoints(root / "checkpoints");
  const fs::path given = fs::absolute(config.resume).lexically_normal();
  std::error_code error;
  if (fs::exists(given / "manifest.json", error)) return {given};
  for (const fs::path& folder : {given, given / "checkpoints"}) {
    if (const std::vector<fs::path> found = find_checkpoints(folder); !found.empty()) return found;
  }
  throw core::UsageError(
      fmt::format("resume = {}: no checkpoint there: name a folder step-N, or that of a run that "
                  "saved some",
                  config.resume));
}

/// Rank 0's list, or its error, on every rank.
std::vector<fs::path> agreed_candidates(const config::RunConfig& config, const comm::World& world,
                                        const fs::path& root) {
  constexpr char kRefused = '!';
  std::string text;
  if (world.rank == 0) {
    try {
      for (const fs::path& folder : candidates(config, root))
        text += folder.string() + "\n";
    } catch (const core::UsageError& error) {
      text = kRefused + std::string(error.what());
    }
  }
  text = comm::broadcast(*world.control, text);
  if (!text.empty() && text.front() == kRefused) throw core::UsageError(text.substr(1));
  std::vector<fs::path> folders;
  for (const std::string_view line : core::split(text, '\n')) {
    if (!line.empty()) folders.emplace_back(line);
  }
  return folders;
}

/// The first rank's fault, on every rank; empty where all did well. Collective.
std::string first_fault(const comm::World& world, const std::function<void()>& body) {
  std::string own;
  try {
    body();
  } catch (const std::exception& error) {
    own = core::one_line(error.what());
  }
  for (const std::string& fault : comm::all_gather(*world.control, own)) {
    if (!fault.empty()) return fault;
  }
  return {};
}

}  // namespace

std::optional<ResumePoint> resume(const config::RunConfig& config, const comm::World& world, const fs::path& root,
                                  parallel::Strategy& strategy, std::vector<std::string>& said) {
  const std::vector<fs::path> folders = agreed_candidates(config, world, root);
  for (const fs::path& folder : folders) {
    std::optional<Checkpoint> checkpoint;
    const std::string damage = first_fault(world, [&] { checkpoint.emplace(folder); });
    if (!damage.empty()) {
      said.push_back(fmt::format("{} cannot be used: {}", folder.filename().string(), damage));
      continue;
    }
    // A whole checkpoint that does not fit is no reason to take an older one, which would not fit either.
    const std::string misfit = first_fault(world, [&] { strategy.restore(*checkpoint); });
    if (!misfit.empty()) throw core::UsageError(misfit + "; set resume = never to begin anew, in another output");
    return ResumePoint{folder, checkpoint->note()};
  }
  if (!folders.empty()) {
    throw core::Error(fmt::format("{}: no checkpoint can be used ({}): remove them to begin anew",
                                  folders.front().parent_path().string(), said.front()));
  }
  return std::nullopt;
}

Cursor cursor_in(const config::RunConfig& config, const TrainingShape& shape, const CheckpointNote& note, int rank,
                 int ranks) {
  const auto refuse = [](std::string_view key, const auto& now, const auto& then) {
    throw core::UsageError(
        fmt::format("{} = {}, but the checkpoint was saved with {}: set it back, or begin anew with "
                    "resume = never in another output",
                    key, now, then));
  };
  if (config::name_of(config.model) != note.model) refuse("model", config::name_of(config.model), note.model);
  if (config::name_of(config.data) != note.data) refuse("data", config::name_of(config.data), note.data);
  if (config.seed != note.seed) refuse("seed", config.seed, note.seed);
  if (shape.data_samples != note.data_samples) refuse("training samples", shape.data_samples, note.data_samples);
  if (shape.step_samples != note.step_samples && !config.rebatch) {
    throw core::UsageError(
        fmt::format("{} samples a step (batch-size x accumulate x replicas), but the checkpoint was "
                    "saved with {}: set batch-size so that they agree, or rebatch = true",
                    shape.step_samples, note.step_samples));
  }
  Cursor cursor;
  cursor.step = note.step;
  cursor.epoch = note.epoch;
  const std::int64_t batches_a_step = shape.step_samples / shape.batch_samples;
  if (note.batch == note.batches) {
    cursor.batch = shape.batches;
  } else {
    const std::int64_t samples = note.batch * note.batch_samples;
    if (samples % shape.step_samples != 0) {
      throw core::UsageError(
          fmt::format("{} samples of epoch {} are done, no multiple of {} a step: choose a batch-size "
                      "that divides them, or a checkpoint from an epoch's end",
                      samples, note.epoch + 1, shape.step_samples));
    }
    cursor.batch = samples / shape.batch_samples;
  }
  if (shape.step_samples != note.step_samples) {
    const std::int64_t steps_an_epoch = (shape.batches + batches_a_step - 1) / batches_a_step;
    cursor.step = note.epoch * steps_an_epoch + (cursor.batch + batches_a_step - 1) / batches_a_step;
  }
  const std::size_t own = static_cast<std::size_t>(rank);
  if (note.sums.size() == static_cast<std::size_t>(ranks)) {
    cursor.sums = note.sums[own];
  } else if (rank == 0) {
    for (const EpochSums& sums : note.sums) {
      cursor.sums.loss_sum += sums.loss_sum;
      cursor.sums.correct += sums.correct;
      cursor.sums.samples += sums.samples;
    }
  }
  return cursor;
}

}  // namespace trainyard::training

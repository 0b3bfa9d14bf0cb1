#include "training/checkpointer.h"

#include <fmt/format.h>

#include <cmath>
#include <exception>
#include <system_error>
#include <utility>

#include "comm/values.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/signals.h"
#include "training/checkpoint_interval.h"

namespace trainyard::training {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFailed = "failed: ";
constexpr std::string_view kAsidePrefix = ".step-";

/// Copies that training does not change.
std::vector<parallel::StatePiece> copies_of(const std::vector<parallel::StatePiece>& state) {
  std::vector<parallel::StatePiece> copies = state;
  for (parallel::StatePiece& piece : copies)
    piece.values = piece.values.detach().to(at::kCPU, piece.values.scalar_type(), /*non_blocking=*/false,
                                            /*copy=*/true);
  return copies;
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw core::Error(fmt::format("{}: cannot make the folder: {}", folder.string(), error.message()));
}

}  // namespace

Checkpointer::Checkpointer(const config::RunConfig& config, const comm::World& world, fs::path folder,
                           std::int64_t restart, Tell tell)
    : world_(world),
      folder_(std::move(folder)),
      restart_(restart),
      every_(config.checkpoint_every),
      kept_(static_cast<std::size_t>(config.checkpoints_kept)),
      tell_(std::move(tell)),
      begun_ns_(core::steady_ns()) {
  if (world_.rank != 0) return;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
    if (entry.path().filename().string().starts_with(kAsidePrefix)) fs::remove_all(entry.path(), ignored);
  }
}

Checkpointer::~Checkpointer() {
  if (!under_way()) return;
  writing_.wait();
  if (world_.rank == 0) remove_aside();
}

bool Checkpointer::due_at(std::int64_t now_ns) const {
  if (every_ != config::kCheckpointByTime || under_way()) return false;
  return now_ns - begun_ns_ >= checkpoint_interval_ns(std::llround(last_save_s_ * 1e9));
}

bool Checkpointer::saves_the_end() const {
  return every_ > 0 || (every_ == config::kCheckpointByTime && saved_step_ >= 0);
}

fs::path Checkpointer::aside() const {
  return folder_ / fmt::format("{}{}.restart-{}", kAsidePrefix, note_.step, restart_);
}

void Checkpointer::begin(const std::vector<parallel::StatePiece>& state, CheckpointNote note, EpochSums own) {
  if (under_way()) settle();
  begun_ns_ = core::steady_ns();
  const std::vector<double> losses = comm::all_gather(*world_.control, own.loss_sum);
  const std::vector<double> correct = comm::all_gather(*world_.control, own.correct);
  const std::vector<double> samples = comm::all_gather(*world_.control, own.samples);
  note.sums.clear();
  for (std::size_t rank = 0; rank < losses.size(); ++rank)
    note.sums.push_back({losses[rank], correct[rank], samples[rank]});
  note.restart = restart_;
  note_ = std::move(note);
  const core::SignalBlock block;  // the writing thread's
  writing_ = std::async(std::launch::async, [folder = aside(), rank = world_.rank, copies = copies_of(state)] {
    make_folder(folder);
    return write_shard(folder, rank, copies);
  });
}

bool Checkpointer::written() const {
  return writing_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

void Checkpointer::settle() {
  std::string outcome;
  try {
    outcome = writing_.get();
  } catch (const std::exception& error) {
    outcome = fmt::format("{}rank {} on {}: {}", kFailed, world_.rank, world_.node, error.what());
  }
  const std::vector<std::string> shards = comm::all_gather(*world_.control, outcome);
  std::string fault;
  for (const std::string& shard : shards) {
    if (fault.empty() && shard.starts_with(kFailed)) fault = shard.substr(kFailed.size());
  }
  const fs::path folder = folder_ / fmt::format("step-{}", note_.step);
  if (fault.empty() && world_.rank == 0) {
    try {
      publish(aside(), folder, note_, shards);
    } catch (const std::exception& error) {
      fault = error.what();
    }
  }
  if (world_.rank == 0 && !fault.empty()) remove_aside();
  fault = comm::broadcast(*world_.control, fault);
  const double seconds = static_cast<double>(core::steady_ns() - begun_ns_) * 1e-9;
  if (!fault.empty()) {
    tell_(fmt::format("the checkpoint of step {} was not saved: {}; training goes on", note_.step, fault));
    return;
  }
  saved_step_ = note_.step;
  last_save_s_ = seconds;
  if (world_.rank == 0) remove_oldest();
  tell_(fmt::format("checkpoint of step {} saved in {:.1f} s: {}", note_.step, seconds, folder.string()));
}

void Checkpointer::remove_aside() const noexcept {
  std::error_code ignored;
  fs::remove_all(aside(), ignored);
}

void Checkpointer::remove_oldest() const {
  const std::vector<fs::path> newest_first = find_checkpoints(folder_);
  std::error_code ignored;  // one too many does no harm
  for (std::size_t i = kept_; i < newest_first.size(); ++i) {
    unmark(newest_first[i]);
    fs::remove_all(newest_first[i], ignored);
  }
}

}  // namespace trainyard::training

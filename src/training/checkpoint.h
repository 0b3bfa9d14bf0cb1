#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/safetensors.h"
#include "parallel/state.h"

/// A checkpoint on disk: a folder `step-N` of one `shard-R.safetensors` a rank, `manifest.json`, which says where each
/// element of each tensor lies and its checksum, and `COMPLETE`, written last, with the manifest's checksum.
/// docs/checkpoints.md has the format.
namespace trainyard::training {

/// A rank's sums over the part of an epoch that is done.
struct EpochSums {
  double loss_sum = 0.0;
  double correct = 0.0;
  double samples = 0.0;

  bool operator==(const EpochSums&) const = default;
};

/// Where a run stood, and what a run that goes on from there must have in common with it.
struct CheckpointNote {
  std::int64_t step = 0;           ///< optimizer steps done
  std::int64_t epoch = 0;          ///< from 0
  std::int64_t batch = 0;          ///< batches of the epoch done
  std::int64_t batches = 0;        ///< in an epoch; batch = batches: only validation was left
  std::int64_t batch_samples = 0;  ///< in one batch, over all replicas
  std::int64_t step_samples = 0;   ///< in one optimizer step: the global batch
  std::int64_t data_samples = 0;   ///< training samples in the data set
  std::string model;
  std::string data;
  std::uint64_t seed = 0;
  std::int64_t restart = 0;     ///< number of the start that saved it
  double bucket_mb = 0.0;       ///< MiB; with the model it is the layout of the gradient buckets
  std::string strategy;         ///< for people
  std::string precision;        ///< for people
  std::vector<EpochSums> sums;  ///< by rank of the run that saved it

  bool operator==(const CheckpointNote&) const = default;
};

/// Writes one rank's pieces, which are on the CPU, into a folder, down to the disk. Returns the lines of the manifest
/// that tell of them, for publish(). @throws core::Error naming the file.
std::string write_shard(const std::filesystem::path& folder, int rank, const std::vector<parallel::StatePiece>& pieces);

/// Once all shards are written: the manifest, the folder's real name in place of `aside`, and the mark that it is
/// whole. A folder of that name, left by an earlier start, is replaced. @throws core::Error naming the file.
void publish(const std::filesystem::path& aside, const std::filesystem::path& folder, const CheckpointNote& note,
             const std::vector<std::string>& shards);

/// The folders in `checkpoints` that are marked as whole, newest first.
std::vector<std::filesystem::path> find_checkpoints(const std::filesystem::path& checkpoints);

/// Takes the mark away, so that nobody takes a folder for whole while it is removed.
void unmark(const std::filesystem::path& folder) noexcept;

/// A checkpoint read back, every byte of it compared with its checksum.
class Checkpoint final : public parallel::StateReader {
 public:
  /// Reads the whole checkpoint into memory.
  /// @throws core::Error naming the file, and the tensor, that is missing, torn or altered.
  explicit Checkpoint(const std::filesystem::path& folder);

  const CheckpointNote& note() const { return note_; }
  const std::filesystem::path& folder() const { return folder_; }
  at::Tensor read(const std::string& name, at::IntArrayRef shape) const override;

 private:
  struct Piece {
    std::int64_t offset = 0;
    at::Tensor values;
  };
  struct Entry {
    std::vector<std::int64_t> shape;
    bool channels_last = false;
    std::vector<Piece> pieces;  ///< by offset, without a gap or an overlap
  };

  std::filesystem::path folder_;
  CheckpointNote note_;
  std::map<std::string, Entry> tensors_;
};

}  // namespace trainyard::training

#include "training/checkpoint.h"

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <system_error>

#include "core/atomic_file.h"
#include "core/descriptor.h"
#include "core/error.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/text.h"

namespace trainyard::training {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kSchema = "trainyard-checkpoint/1";
constexpr const char* kManifest = "manifest.json";
constexpr const char* kComplete = "COMPLETE";
constexpr std::string_view kFolderPrefix = "step-";
constexpr std::string_view kRowOrder = "row-major";
constexpr std::string_view kChannelsLast = "channels-last";
constexpr std::int64_t kMaxElements = std::int64_t{1} << 40;

std::string shard_name(std::int64_t rank) {
  return fmt::format("shard-{:05}.safetensors", rank);
}

/// Of a piece in its shard's file: a tensor may have several.
std::string key_of(const std::string& name, std::int64_t offset) {
  return fmt::format("{}@{}", name, offset);
}

std::string checksum(const at::Tensor& flat) {
  return core::xxh3_64_hex({static_cast<const char*>(flat.const_data_ptr()), flat.nbytes()});
}

std::int64_t elements_of(const std::vector<std::int64_t>& shape) {
  std::int64_t elements = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 0 || (extent > 0 && elements > kMaxElements / extent)) throw core::Error("a shape out of range");
    elements *= extent;
  }
  return elements;
}

json json_of(const CheckpointNote& note) {
  json ranks = json::array();
  for (const EpochSums& sums : note.sums)
    ranks.push_back({{"loss_sum", sums.loss_sum}, {"correct", sums.correct}, {"samples", sums.samples}});
  return {{"schema", kSchema},
          {"step", note.step},
          {"epoch", note.epoch},
          {"batch", note.batch},
          {"batches", note.batches},
          {"batch_samples", note.batch_samples},
          {"step_samples", note.step_samples},
          {"data_samples", note.data_samples},
          {"model", note.model},
          {"data", note.data},
          {"seed", note.seed},
          {"restart", note.restart},
          {"bucket_mb", note.bucket_mb},
          {"strategy", note.strategy},
          {"precision", note.precision},
          {"epoch_sums", std::move(ranks)}};
}

CheckpointNote note_of(const json& manifest) {
  const auto count = [&](const char* key) {
    const auto value = manifest.at(key).get<std::int64_t>();
    if (value < 0) throw core::Error(fmt::format("{} is negative", key));
    return value;
  };
  if (manifest.at("schema").get<std::string>() != kSchema) throw core::Error("another schema than this version reads");
  CheckpointNote note;
  note.step = count("step");
  note.epoch = count("epoch");
  note.batch = count("batch");
  note.batches = count("batches");
  note.batch_samples = count("batch_samples");
  note.step_samples = count("step_samples");
  note.data_samples = count("data_samples");
  note.model = manifest.at("model").get<std::string>();
  note.data = manifest.at("data").get<std::string>();
  note.seed = manifest.at("seed").get<std::uint64_t>();
  note.restart = count("restart");
  note.bucket_mb = manifest.at("bucket_mb").get<double>();
  note.strategy = manifest.at("strategy").get<std::string>();
  note.precision = manifest.at("precision").get<std::string>();
  for (const json& rank : manifest.at("epoch_sums"))
    note.sums.push_back(
        {rank.at("loss_sum").get<double>(), rank.at("correct").get<double>(), rank.at("samples").get<double>()});
  return note;
}

/// The step that a checkpoint's folder is named after.
std::optional<std::int64_t> step_of(const fs::path& folder) {
  const std::string name = folder.filename().string();
  if (!name.starts_with(kFolderPrefix)) return std::nullopt;
  return core::parse_int64(std::string_view(name).substr(kFolderPrefix.size()));
}

[[noreturn]] void refuse(const fs::path& file, std::string_view what) {
  throw core::Error(fmt::format("{}: {}", file.string(), what));
}

}  // namespace

std::string write_shard(const fs::path& folder, int rank, const std::vector<parallel::StatePiece>& pieces) {
  models::TensorMap tensors;
  json lines = json::array();
  for (const parallel::StatePiece& piece : pieces) {
    const std::string key = key_of(piece.name, piece.offset);
    tensors.emplace(key, piece.values);
    lines.push_back({{"name", piece.name},
                     {"dtype", c10::toString(piece.values.scalar_type())},
                     {"shape", piece.shape},
                     {"order", piece.channels_last ? kChannelsLast : kRowOrder},
                     {"shard", rank},
                     {"offset", piece.offset},
                     {"count", piece.values.numel()},
                     {"xxh3", checksum(piece.values)}});
  }
  models::save_safetensors(tensors, folder / shard_name(rank));
  return lines.dump();
}

void publish(const fs::path& aside, const fs::path& folder, const CheckpointNote& note,
             const std::vector<std::string>& shards) {
  json manifest = json_of(note);
  json& tensors = manifest["tensors"] = json::array();
  for (const std::string& shard : shards) {
    for (json& line : json::parse(shard))
      tensors.push_back(std::move(line));
  }
  const std::string text = manifest.dump(1) + "\n";
  core::write_file_atomically(aside / kManifest, text);
  unmark(folder);
  std::error_code error;
  fs::remove_all(folder, error);
  if (!error) fs::rename(aside, folder, error);
  if (error) refuse(folder, "cannot put the checkpoint there: " + error.message());
  core::sync_folder(folder.parent_path());
  core::write_file_atomically(folder / kComplete, core::xxh3_64_hex(text) + "\n");
  core::sync_folder(folder);
}

std::vector<fs::path> find_checkpoints(const fs::path& checkpoints) {
  std::vector<fs::path> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(checkpoints, error)) {
    if (step_of(entry.path()) && fs::exists(entry.path() / kComplete, error)) found.push_back(entry.path());
  }
  std::ranges::sort(found, std::greater(), [](const fs::path& folder) { return *step_of(folder); });
  return found;
}

void unmark(const fs::path& folder) noexcept {
  std::error_code ignored;
  fs::remove(folder / kComplete, ignored);
}

Checkpoint::Checkpoint(const fs::path& folder) : folder_(folder) {
  const fs::path manifest_file = folder / kManifest;
  const std::string text = core::read_file(manifest_file);
  if (core::trim(core::read_file(folder / kComplete)) != core::xxh3_64_hex(text)) {
    refuse(manifest_file, "was altered since it was written, or COMPLETE was");
  }
  std::map<std::int64_t, models::TensorMap> shards;
  try {
    const json manifest = json::parse(text);
    note_ = note_of(manifest);
    for (const json& line : manifest.at("tensors")) {
      const auto name = line.at("name").get<std::string>();
      const auto rank = line.at("shard").get<std::int64_t>();
      const auto offset = line.at("offset").get<std::int64_t>();
      const fs::path file = folder / shard_name(rank);
      if (!shards.contains(rank)) shards.emplace(rank, models::load_safetensors(file));
      const auto values = shards.at(rank).find(key_of(name, offset));
      if (values == shards.at(rank).end()) refuse(file, fmt::format("tensor {} is missing", name));
      if (values->second.dim() != 1 || values->second.numel() != line.at("count").get<std::int64_t>() ||
          checksum(values->second) != line.at("xxh3").get<std::string>()) {
        refuse(file, fmt::format("tensor {} was altered since it was written", name));
      }
      Entry& entry = tensors_[name];
      entry.shape = line.at("shape").get<std::vector<std::int64_t>>();
      entry.channels_last = line.at("order").get<std::string>() == kChannelsLast;
      entry.pieces.push_back({offset, values->second});
    }
  } catch (const json::exception& error) {
    refuse(manifest_file, fmt::format("not a manifest: {}", core::one_line(error.what())));
  }
  for (auto& [name, entry] : tensors_) {
    std::ranges::sort(entry.pieces, {}, &Piece::offset);
    std::int64_t end = 0;
    for (const Piece& piece : entry.pieces) {
      if (piece.offset != end) refuse(manifest_file, fmt::format("tensor {} has a gap or an overlap", name));
      end += piece.values.numel();
    }
    if (end != elements_of(entry.shape)) refuse(manifest_file, fmt::format("tensor {} is not whole", name));
  }
}

at::Tensor Checkpoint::read(const std::string& name, at::IntArrayRef shape) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    refuse(folder_, fmt::format("holds no {}: it was saved with another model, optimizer or precision", name));
  }
  const Entry& entry = found->second;
  if (shape != at::IntArrayRef(entry.shape)) {
    refuse(folder_, fmt::format("{} has another shape than this model's", name));
  }
  const at::Tensor flat = at::empty({elements_of(entry.shape)}, entry.pieces.front().values.options());
  for (const Piece& piece : entry.pieces)
    flat.narrow(0, piece.offset, piece.values.numel()).copy_(piece.values);
  if (!entry.channels_last) return flat.view(entry.shape);
  if (entry.shape.size() != 4) refuse(folder_, fmt::format("{} cannot be channels-last", name));
  return flat.view({shape[0], shape[2], shape[3], shape[1]}).permute({0, 3, 1, 2});
}

}  // namespace trainyard::training

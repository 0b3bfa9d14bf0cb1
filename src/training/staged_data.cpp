#include "training/staged_data.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <random>
#include <string>

#include "comm/values.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/logging.h"
#include "core/text.h"
#include "data/datasets.h"

namespace trainyard::training {
namespace {

/// One for the run, so that runs that share a folder do not meet.
std::string draw_name() {
  std::random_device random;
  return fmt::format("trainyard-{:08x}{:08x}.h5", random(), random());
}

}  // namespace

StagedData::StagedData(const config::RunConfig& config, const comm::World& world) : config_(config) {
  const std::string name = comm::broadcast(*world.control, world.rank == 0 ? draw_name() : std::string());
  const std::optional<std::string> packed = data::packed_file(config);
  if (!packed) {
    throw core::UsageError(
        "stage-data = true copies one packed file, and data-dir names none: pack the data set with tools/pack and set "
        "data-dir to its file, or stage-data = false");
  }
  const std::filesystem::path copy = data::staging_folder() / name;
  config_.data_dir = copy.string();
  if (world.local_rank != 0) return;
  const std::int64_t start = core::steady_ns();
  copy_ = std::make_unique<data::StagedFile>(*packed, copy);
  if (world.rank != 0) return;
  core::log_info(fmt::format("copied {}, {}, to {} in {}", *packed,
                             core::format_bytes(std::filesystem::file_size(copy)), copy.parent_path().string(),
                             core::format_duration_ns(core::steady_ns() - start)));
}

}  // namespace trainyard::training

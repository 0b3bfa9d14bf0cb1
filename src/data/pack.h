#pragma once

#include <cstdint>
#include <filesystem>

#include "config/run_config.h"
#include "data/packed_images.h"

namespace trainyard::data {

/// What was packed.
struct PackedSummary {
  std::int64_t train = 0;  ///< samples
  std::int64_t validation = 0;
  std::uint64_t bytes = 0;  ///< of the file
};

/// Writes the data set that `data`, `data-dir`, `image-size`, `samples`, `seed`, `tokenizer` and `max-length` say into
/// one packed file, which appears at once when it is whole. Synthetic data are packed as images.
/// @throws as open(), and core::Error when the file cannot be written.
PackedSummary pack(const config::RunConfig& config, PackedForm form, const std::filesystem::path& output);

}  // namespace trainyard::data

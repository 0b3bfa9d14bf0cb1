#pragma once

#include <cstdint>

#include "data/datasets.h"
#include "data/packed_file.h"

namespace trainyard::data {

/// Writes both parts, sets of token sequences, and what is the same for all samples.
void write_packed_tokens(PackedWriter& writer, const Datasets& datasets);

/// The same samples as those that were packed. Longer ones than `max_length` are cut off as a tokenizer does: the last
/// token stays.
/// @throws core::UsageError where texts were packed that may have been cut off at fewer than `max_length` tokens;
///         core::Error naming the file and what in it is damaged.
Datasets open_packed_tokens(const PackedFile& file, std::int64_t max_length);

}  // namespace trainyard::data

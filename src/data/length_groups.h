#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace trainyard::data {

/// Whole batches among which samples are sorted by length.
constexpr std::size_t kBatchesOfAGroup = 64;

/// Reorders a shuffled epoch so that the samples of a batch are of similar length and little is filled up: sorts groups
/// of kBatchesOfAGroup batches by length, samples of one length as they are, and then puts the batches into an order
/// that `key` alone decides. What is left behind the last whole batch stays.
/// lengths: by sample. batch: samples of one, at least 1.
void group_by_length(std::span<std::int64_t> order, std::span<const std::int32_t> lengths, std::size_t batch,
                     std::uint64_t key);

}  // namespace trainyard::data

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "comm/communicator.h"

/// Blocking collectives of small host values, for metrics and agreement; over World::control.
namespace trainyard::comm {

/// In place, on every rank.
void all_reduce(Communicator& control, std::span<double> values, ReduceOp op = ReduceOp::kSum);
void all_reduce(Communicator& control, std::span<std::int64_t> values, ReduceOp op = ReduceOp::kSum);
/// One value of every rank, by rank.
std::vector<std::int64_t> all_gather(Communicator& control, std::int64_t value);
std::vector<double> all_gather(Communicator& control, double value);
/// root's text, on every rank. Any bytes, up to 64 MiB.
std::string broadcast(Communicator& control, std::string text, int root = 0);
/// The text of every rank, by rank.
std::vector<std::string> all_gather(Communicator& control, const std::string& text);

}  // namespace trainyard::comm

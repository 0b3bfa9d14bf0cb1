#pragma once

#include <string_view>

namespace trainyard::comm {

enum class Operation { kAllReduce, kBroadcast, kAllGather, kBarrier };
enum class ReduceOp { kSum, kMax, kMin };

/// "all_reduce", "broadcast", "all_gather", "barrier".
std::string_view name(Operation operation);

}  // namespace trainyard::comm

#pragma once

#include <string_view>

namespace trainyard::comm {

enum class Operation { kAllReduce, kBroadcast, kAllGather, kBarrier, kReduceScatter, kExchange, kSplit };
enum class ReduceOp { kSum, kMax, kMin };

/// "all_reduce", "broadcast", "all_gather", "barrier", "reduce_scatter", "exchange", "split".
std::string_view name(Operation operation);

}  // namespace trainyard::comm

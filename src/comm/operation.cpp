#include "comm/operation.h"

namespace trainyard::comm {

std::string_view name(Operation operation) {
  switch (operation) {
    case Operation::kAllReduce:
      return "all_reduce";
    case Operation::kBroadcast:
      return "broadcast";
    case Operation::kAllGather:
      return "all_gather";
    case Operation::kBarrier:
      return "barrier";
    case Operation::kReduceScatter:
      return "reduce_scatter";
    case Operation::kExchange:
      return "exchange";
    case Operation::kSplit:
      return "split";
  }
  return "unknown";
}

}  // namespace trainyard::comm

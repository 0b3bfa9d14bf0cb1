#include "comm/agreement.h"

#include <algorithm>
#include <cstddef>

#include "core/error.h"

namespace trainyard::comm {

AgreementCheck::Packed AgreementCheck::pack(const Call& call) {
  return {call.sequence, static_cast<std::int64_t>(call.operation), static_cast<std::int64_t>(call.type), call.elements,
          call.parameter};
}

Call AgreementCheck::unpack(const Packed& packed) {
  return {packed[0], static_cast<Operation>(packed[1]), static_cast<at::ScalarType>(packed[2]), packed[3],
          static_cast<int>(packed[4])};
}

std::string describe(const Call& call) {
  std::string text(name(call.operation));
  if (call.operation == Operation::kBarrier) return text;
  if (call.operation == Operation::kAllReduce) {
    const auto op = static_cast<ReduceOp>(call.parameter);
    text += op == ReduceOp::kSum ? "(sum)" : op == ReduceOp::kMax ? "(max)" : "(min)";
  }
  if (call.operation == Operation::kBroadcast) text += "(root " + std::to_string(call.parameter) + ")";
  return text + " of " + std::to_string(call.elements) + " " + c10::toString(call.type);
}

void AgreementCheck::operator()(const Call& call, const Limit& limit) {
  own_ = pack(call);
  transport_.all_gather(calls_.data(), own_.data(), sizeof(own_), limit);

  const auto votes = [&](const Packed& packed) { return std::ranges::count(calls_, packed); };
  const Packed usual = *std::ranges::max_element(calls_, {}, votes);
  std::string others;
  for (std::size_t rank = 0; rank < calls_.size(); ++rank) {
    if (calls_[rank] == usual) continue;
    const Call other = unpack(calls_[rank]);
    others += (others.empty() ? "rank " : ", rank ") + std::to_string(rank) + " calls " + describe(other);
    if (other.sequence != call.sequence) others += " as #" + std::to_string(other.sequence);
  }
  if (!others.empty())
    throw core::Error("the ranks call different collectives: " + others + "; the others call " +
                      describe(unpack(usual)));
}

}  // namespace trainyard::comm

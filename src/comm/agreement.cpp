#include "comm/agreement.h"

#include <algorithm>
#include <cstddef>

#include "comm/tags.h"
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
  if (call.operation == Operation::kBarrier || call.operation == Operation::kSplit) return text;
  if (call.operation == Operation::kAllReduce || call.operation == Operation::kReduceScatter) {
    const auto op = static_cast<ReduceOp>(call.parameter);
    text += op == ReduceOp::kSum ? "(sum)" : op == ReduceOp::kMax ? "(max)" : "(min)";
  }
  if (call.operation == Operation::kBroadcast) text += "(root " + std::to_string(call.parameter) + ")";
  return text + " of " + std::to_string(call.elements) + " " + c10::toString(call.type);
}

void AgreementCheck::collective(const Call& call, const Limit& limit) {
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

void AgreementCheck::exchange(const std::vector<P2P>& messages, const Limit& limit) {
  const mpi::Comm& comm = transport_.comm();
  own_headers_.clear();
  for (const P2P& message : messages)
    own_headers_.push_back({static_cast<std::int64_t>(message.tensor.scalar_type()), message.tensor.numel()});
  headers_.resize(messages.size());
  mpi::Requests requests;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const P2P& message = messages[i];
    comm.irecv(&headers_[i], sizeof(Header), message.peer, message.is_send() ? kReceives : kSends, requests);
    comm.isend(&own_headers_[i], sizeof(Header), message.peer, message.is_send() ? kSends : kReceives, requests);
  }
  poll_until([&] { return requests.test(); }, limit);

  const auto text = [](const Header& header) {
    return std::to_string(header.elements) + " " + c10::toString(static_cast<at::ScalarType>(header.type));
  };
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const bool sends = messages[i].is_send();
    const Header& sent = sends ? own_headers_[i] : headers_[i];
    const Header& received = sends ? headers_[i] : own_headers_[i];
    if (sent.type == received.type && sent.elements == received.elements) continue;
    const std::string self = std::to_string(comm.rank());
    const std::string peer = std::to_string(messages[i].peer);
    throw core::Error("rank " + (sends ? self : peer) + " sends " + text(sent) + " to rank " + (sends ? peer : self) +
                      ", which receives " + text(received));
  }
}

}  // namespace trainyard::comm

#include "comm/p2p.h"

#include "comm/operation.h"

namespace trainyard::comm {

std::string describe(const std::vector<P2P>& messages) {
  std::string text;
  for (const P2P& message : messages)
    text += (text.empty() ? "" : ", ") + std::string(message.is_send() ? "sends " : "receives ") +
            std::to_string(message.tensor.numel()) + " " + c10::toString(message.tensor.scalar_type()) +
            (message.is_send() ? " to rank " : " from rank ") + std::to_string(message.peer);
  return std::string(name(Operation::kExchange)) + "(" + text + ")";
}

std::int64_t bytes_of(const std::vector<P2P>& messages) {
  std::int64_t bytes = 0;
  for (const P2P& message : messages)
    bytes += static_cast<std::int64_t>(message.tensor.nbytes());
  return bytes;
}

}  // namespace trainyard::comm

#include "comm/transports.h"

#include <utility>

#include "comm/mpi_transport.h"
#include "comm/shared_transport.h"

namespace trainyard::comm {

std::unique_ptr<HostTransport> open_transport(mpi::Comm comm, bool shared_memory, const Limit& limit) {
  const bool one_node = shared_memory && comm.split_shared_memory().size() == comm.size();
  auto messages = std::make_unique<MpiTransport>(std::move(comm));
  if (!one_node) return messages;
  return SharedTransport::open_or(std::move(messages), limit);
}

}  // namespace trainyard::comm

#pragma once

#include <memory>

#include "comm/host_transport.h"
#include "comm/limit.h"
#include "comm/mpi.h"

namespace trainyard::comm {

/// How the ranks of `comm` best reach each other: through shared memory where all are on one node, unless
/// `shared_memory` is false, else by messages. Collective.
std::unique_ptr<HostTransport> open_transport(mpi::Comm comm, bool shared_memory, const Limit& limit);

}  // namespace trainyard::comm

#include "comm/clock.h"

#include <limits>

#include "comm/tags.h"
#include "core/clock.h"

namespace trainyard::comm {
namespace {

constexpr int kRoundTrips = 16;

void send(const mpi::Comm& comm, std::int64_t value, int to, int tag, const Limit& limit) {
  mpi::Requests requests;
  comm.isend(&value, sizeof(value), to, tag, requests);
  poll_until([&] { return requests.test(); }, limit);
}

std::int64_t receive(const mpi::Comm& comm, int from, int tag, const Limit& limit) {
  std::int64_t value = 0;
  mpi::Requests requests;
  comm.irecv(&value, sizeof(value), from, tag, requests);
  poll_until([&] { return requests.test(); }, limit);
  return value;
}

}  // namespace

std::int64_t measure_clock_offset_ns(const mpi::Comm& comm, const Limit& limit) {
  if (comm.rank() == 0) {
    for (int rank = 1; rank < comm.size(); ++rank)
      for (int trip = 0; trip < kRoundTrips; ++trip) {
        receive(comm, rank, kPing, limit);
        send(comm, core::steady_ns(), rank, kPong, limit);
      }
    return 0;
  }
  std::int64_t offset_ns = 0;
  std::int64_t quickest_ns = std::numeric_limits<std::int64_t>::max();
  for (int trip = 0; trip < kRoundTrips; ++trip) {
    const std::int64_t sent_ns = core::steady_ns();
    send(comm, sent_ns, 0, kPing, limit);
    const std::int64_t rank0_ns = receive(comm, 0, kPong, limit);
    const std::int64_t round_trip_ns = core::steady_ns() - sent_ns;
    // The first trip of a rank includes the wait for its turn, so it is never the quickest.
    if (round_trip_ns >= quickest_ns) continue;
    quickest_ns = round_trip_ns;
    offset_ns = rank0_ns - (sent_ns + round_trip_ns / 2);
  }
  return offset_ns;
}

}  // namespace trainyard::comm

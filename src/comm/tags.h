#pragma once

namespace trainyard::comm {

/// Tags of the messages on one mpi::Comm, so that those of different origin never meet. Between two ranks messages of
/// one tag keep their order.
enum Tag : int {
  kContribution = 1,  ///< a rank's part of a reduction, to the rank that adds it up
  kResult = 2,        ///< the sum
  kPing = 3,          ///< of the clocks' comparison
  kPong = 4,
  kExchange = 5,  ///< a P2P's tensor
  kSends = 6,     ///< where the ranks check their agreement: what a rank is about to send to this one
  kReceives = 7,  ///< and what it is about to receive from it
};

}  // namespace trainyard::comm

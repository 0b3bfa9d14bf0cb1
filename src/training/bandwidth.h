#pragma once

#include <cstdint>

#include "comm/ledger.h"

namespace trainyard::training {

/// The bandwidth that one rank's training achieves, over an epoch: of its collectives and of its copies to the device.
class BandwidthMeter {
 public:
  /// Counts all-reduces, reduce-scatters and all-gathers; others move too little to tell. ranks: of the communicator.
  void add_collective(const comm::CollectiveRecord& record, int ranks);
  void add_transfer(std::int64_t bytes) { transfer_bytes_ += static_cast<double>(bytes); }
  void add_transfer_time(std::int64_t ns) { transfer_ns_ += static_cast<double>(ns); }

  /// Bytes a second: bytes times nccl-tests' factor (comm::bus_factor) over the sum of the collectives' times, waiting
  /// for late ranks included. NaN where there were none.
  double bus() const;
  /// Bytes a second from host to device; NaN where nothing was copied.
  double transfer() const;

  void reset() { *this = BandwidthMeter(); }

 private:
  double bus_bytes_ = 0;
  double collective_ns_ = 0;
  double transfer_bytes_ = 0;
  double transfer_ns_ = 0;
};

}  // namespace trainyard::training

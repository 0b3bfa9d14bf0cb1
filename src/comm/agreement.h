#pragma once

#include <c10/core/ScalarType.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "comm/host_transport.h"
#include "comm/operation.h"
#include "comm/p2p.h"

namespace trainyard::comm {

/// One collective as a rank calls it.
struct Call {
  std::int64_t sequence = 0;
  Operation operation = Operation::kBarrier;
  at::ScalarType type = at::kByte;
  std::int64_t elements = 0;
  int parameter = 0;  ///< the ReduceOp of a reduction, the root of a broadcast
};

/// As "all_reduce(sum) of 1024 Float".
std::string describe(const Call& call);

/// The debug check: do all ranks call the same? They exchange the calls themselves first, so that a difference shows as
/// an error instead of a hang or a wrong sum. Collectives are compared among all ranks, an exchange's messages each
/// between the two ranks it concerns.
class AgreementCheck {
 public:
  /// The check's own exchange is collective over `transport`, which must outlive this.
  explicit AgreementCheck(HostTransport& transport)
      : transport_(transport), calls_(static_cast<std::size_t>(transport.comm().size())) {}

  /// @throws core::Error naming the ranks that differ from the majority (from the lowest ranks, where there is none).
  void collective(const Call& call, const Limit& limit);
  /// Waits until every rank that `messages` names has called its side of them. May go on beside collective().
  /// @throws core::Error naming a message whose two sides differ in type or size, on both ranks.
  void exchange(const std::vector<P2P>& messages, const Limit& limit);

 private:
  using Packed = std::array<std::int64_t, 5>;
  static Packed pack(const Call& call);
  static Call unpack(const Packed& packed);

  HostTransport& transport_;
  Packed own_{};  ///< members, since an exchange that failed may still write
  std::vector<Packed> calls_;
  struct Header {
    std::int64_t type;
    std::int64_t elements;
  };
  std::vector<Header> own_headers_;
  std::vector<Header> headers_;
};

}  // namespace trainyard::comm

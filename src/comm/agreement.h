#pragma once

#include <c10/core/ScalarType.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "comm/host_transport.h"
#include "comm/operation.h"

namespace trainyard::comm {

/// One collective as a rank calls it.
struct Call {
  std::int64_t sequence = 0;
  Operation operation = Operation::kBarrier;
  at::ScalarType type = at::kByte;
  std::int64_t elements = 0;
  int parameter = 0;  ///< the ReduceOp of an all-reduce, the root of a broadcast
};

/// As "all_reduce(sum) of 1024 Float".
std::string describe(const Call& call);

/// The debug check: do all ranks call the same? They exchange the calls themselves first, so that a difference shows as
/// an error instead of a hang or a wrong sum.
class AgreementCheck {
 public:
  /// The check's own exchange is collective over `transport`, which must outlive this.
  AgreementCheck(HostTransport& transport, int ranks)
      : transport_(transport), calls_(static_cast<std::size_t>(ranks)) {}

  /// @throws core::Error naming the ranks that differ from the majority (from the lowest ranks, where there is none).
  void operator()(const Call& call, const Limit& limit);

 private:
  using Packed = std::array<std::int64_t, 5>;
  static Packed pack(const Call& call);
  static Call unpack(const Packed& packed);

  HostTransport& transport_;
  Packed own_{};  ///< members, since an exchange that failed may still write
  std::vector<Packed> calls_;
};

}  // namespace trainyard::comm

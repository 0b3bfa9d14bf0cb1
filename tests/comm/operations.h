#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "comm/communicator.h"

namespace trainyard::test {

/// What a case of an operation runs with.
struct Case {
  comm::Communicator& group;
  at::Device device;
  at::ScalarType type;
  std::int64_t size;  ///< elements of the smallest tensor involved
};

/// One operation as the test driver runs it: with values that every rank can compute for itself.
struct DrivenOperation {
  std::string name;
  std::vector<at::ScalarType> types;
  std::function<void(const Case&)> run;  ///< compares by EXPECT
};

const std::vector<DrivenOperation>& driven_operations();

/// Elements i of rank's tensor: (i mod 7) - 3 + rank, small integers, which every type holds exactly, sums included.
at::Tensor content(int rank, std::int64_t size, at::ScalarType type);
/// content() of `ranks` ranks combined.
at::Tensor combined(comm::ReduceOp op, int ranks, std::int64_t size, at::ScalarType type);

}  // namespace trainyard::test

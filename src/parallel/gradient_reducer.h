#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "comm/communicator.h"
#include "parallel/flat_parameters.h"

namespace trainyard::parallel {

/// Sums the gradient buckets over ranks while backward goes on: a bucket's all-reduce starts when its last gradient is
/// written, and always in the order of the buckets, which is the same on every rank.
class GradientReducer {
 public:
  GradientReducer(FlatParameters& parameters, comm::Communicator& communicator);

  void begin_step();
  /// A parameter's gradient is written.
  void mark_ready(std::size_t parameter);
  /// Waits for one bucket (on CUDA the compute stream does). Every parameter is marked by now.
  void wait(std::size_t bucket);
  /// The all-reduces of this step, in the order of the buckets.
  const std::vector<std::shared_ptr<comm::Work>>& works() const { return works_; }

 private:
  FlatParameters& parameters_;
  comm::Communicator& communicator_;
  std::vector<std::size_t> missing_;  ///< by bucket: gradients not yet written
  std::size_t next_ = 0;              ///< first bucket whose all-reduce has not started
  std::vector<std::shared_ptr<comm::Work>> works_;
};

}  // namespace trainyard::parallel

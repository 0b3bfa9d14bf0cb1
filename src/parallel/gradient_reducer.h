#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "comm/communicator.h"
#include "config/run_config.h"
#include "parallel/flat_parameters.h"
#include "timing/step_timer.h"

namespace trainyard::parallel {

/// Sums the gradient buckets over ranks while backward goes on: a bucket's collective starts when its last gradient is
/// written, and always in the order of the buckets, which is the same on every rank. Where the parameters are flat for
/// shards it is a reduce-scatter, of which each rank keeps its shard, else an all-reduce.
class GradientReducer {
 public:
  /// compress: the type in which float32 gradients travel; sums are rounded to it. A gradient past its range becomes an
  /// infinity.
  GradientReducer(FlatParameters& parameters, comm::Communicator& communicator, config::Compression compress);

  /// timer: told how long backward waits where sharded gradients must make room.
  void begin_step(timing::StepTimer& timer);
  /// A parameter's gradient is written.
  void mark_ready(std::size_t parameter);
  /// Waits for one bucket's gradient_shard (on CUDA the compute stream does). Every parameter is marked by now.
  void wait(std::size_t bucket) { finish(bucket); }
  /// The collectives of this step, in the order of the buckets.
  const std::vector<std::shared_ptr<comm::Work>>& works() const { return works_; }

 private:
  void start(std::size_t bucket);
  void finish(std::size_t bucket);
  void make_room();

  FlatParameters& parameters_;
  comm::Communicator& communicator_;
  config::Compression compress_;
  timing::StepTimer* timer_ = nullptr;
  std::vector<std::size_t> missing_;  ///< by bucket: gradients not yet written
  std::size_t next_ = 0;              ///< first bucket whose collective has not started
  std::size_t finished_ = 0;          ///< first bucket that was not waited for
  std::vector<std::shared_ptr<comm::Work>> works_;
  std::vector<at::Tensor> compressed_;  ///< by bucket: the sum as it travelled; undefined: uncompressed
};

}  // namespace trainyard::parallel

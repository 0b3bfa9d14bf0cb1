#pragma once

#include <cuda_runtime_api.h>

#include <chrono>
#include <cstdint>

namespace trainyard::comm {

/// @throws core::Error with CUDA's own message when `code` is not success.
void check_cuda(cudaError_t code, const char* call);

/// A point on a CUDA stream of the current device.
class CudaEvent {
 public:
  enum class Kind { kOrder, kTimed };  ///< only kTimed can be asked for times; kOrder is cheaper

  explicit CudaEvent(Kind kind);
  ~CudaEvent();
  CudaEvent(const CudaEvent&) = delete;
  CudaEvent& operator=(const CudaEvent&) = delete;

  void record(cudaStream_t stream);
  /// What is put on `stream` from now on starts after this event.
  void block(cudaStream_t stream) const;
  bool has_passed() const;
  /// From `earlier` to this; both kTimed and passed.
  double milliseconds_since(const CudaEvent& earlier) const;

 private:
  cudaEvent_t event_ = nullptr;
};

/// An event whose time is known in core::steady_ns(): ties the device's clock to the host's. Elapsed times come as
/// float milliseconds, so a new anchor is wanted every few seconds; that also bounds the drift between the clocks.
class CudaAnchor {
 public:
  /// Puts the anchor on `stream`, which should be idle, and does not wait for it: the device may be busy for ever.
  explicit CudaAnchor(cudaStream_t stream);

  /// Whether the device has come to it; never blocks. The moment is known to lie between two looks, so look often.
  bool look();
  /// Looks without a pause until the device has come to it, but no longer than `patience`.
  bool look_for(std::chrono::nanoseconds patience);

  // Only once a look said true:
  /// How far apart the looks before and after the moment were.
  std::int64_t uncertainty_ns() const { return seen_ns_ - unseen_ns_; }
  std::int64_t taken_ns() const { return unseen_ns_ + uncertainty_ns() / 2; }
  /// The time of another event that has passed.
  std::int64_t steady_ns(const CudaEvent& event) const;

 private:
  CudaEvent event_{CudaEvent::Kind::kTimed};
  std::int64_t unseen_ns_ = 0;  ///< the last time at which it had not passed
  std::int64_t seen_ns_ = 0;    ///< the first time at which it had; 0: not yet
};

}  // namespace trainyard::comm

#pragma once

#include <cuda_runtime_api.h>

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
  void synchronize() const;
  /// From `earlier` to this; both kTimed and passed.
  double milliseconds_since(const CudaEvent& earlier) const;

 private:
  cudaEvent_t event_ = nullptr;
};

/// An event whose time is known in core::steady_ns(): ties the device's clock to the host's. Elapsed times come as
/// float milliseconds, so a new anchor is wanted every few seconds; that also bounds the drift between the clocks.
class CudaAnchor {
 public:
  /// Waits for `stream`, which should be idle: the time is then right within some ten microseconds.
  explicit CudaAnchor(cudaStream_t stream);

  /// The time of an event recorded after this anchor, once it has passed.
  std::int64_t steady_ns(const CudaEvent& event) const;
  std::int64_t taken_ns() const { return taken_ns_; }

 private:
  CudaEvent event_{CudaEvent::Kind::kTimed};
  std::int64_t taken_ns_ = 0;
};

}  // namespace trainyard::comm

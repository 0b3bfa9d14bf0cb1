#include "comm/cuda_event.h"

#include <string>

#include "core/clock.h"
#include "core/error.h"

namespace trainyard::comm {

void check_cuda(cudaError_t code, const char* call) {
  if (code == cudaSuccess) return;
  cudaGetLastError();  // the error was taken: later calls must not find it again
  throw core::Error(std::string(call) + " failed: " + cudaGetErrorString(code));
}

CudaEvent::CudaEvent(Kind kind) {
  check_cuda(cudaEventCreateWithFlags(&event_, kind == Kind::kTimed ? cudaEventDefault : cudaEventDisableTiming),
             "cudaEventCreateWithFlags");
}

CudaEvent::~CudaEvent() {
  cudaEventDestroy(event_);
}

void CudaEvent::record(cudaStream_t stream) {
  check_cuda(cudaEventRecord(event_, stream), "cudaEventRecord");
}

void CudaEvent::block(cudaStream_t stream) const {
  check_cuda(cudaStreamWaitEvent(stream, event_, 0), "cudaStreamWaitEvent");
}

bool CudaEvent::has_passed() const {
  const cudaError_t code = cudaEventQuery(event_);
  if (code == cudaErrorNotReady) {
    cudaGetLastError();
    return false;
  }
  check_cuda(code, "cudaEventQuery");
  return true;
}

double CudaEvent::milliseconds_since(const CudaEvent& earlier) const {
  float milliseconds = 0;
  check_cuda(cudaEventElapsedTime(&milliseconds, earlier.event_, event_), "cudaEventElapsedTime");
  return milliseconds;
}

CudaAnchor::CudaAnchor(cudaStream_t stream) : unseen_ns_(core::steady_ns()) {
  event_.record(stream);
}

bool CudaAnchor::look() {
  if (seen_ns_ != 0) return true;
  const std::int64_t before_ns = core::steady_ns();
  if (event_.has_passed())
    seen_ns_ = core::steady_ns();
  else
    unseen_ns_ = before_ns;
  return seen_ns_ != 0;
}

bool CudaAnchor::look_for(std::chrono::nanoseconds patience) {
  const std::int64_t until_ns = core::steady_ns() + patience.count();
  while (!look())
    if (core::steady_ns() > until_ns) return false;
  return true;
}

std::int64_t CudaAnchor::steady_ns(const CudaEvent& event) const {
  return taken_ns() + static_cast<std::int64_t>(event.milliseconds_since(event_) * 1e6);
}

}  // namespace trainyard::comm

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

void CudaEvent::synchronize() const {
  check_cuda(cudaEventSynchronize(event_), "cudaEventSynchronize");
}

double CudaEvent::milliseconds_since(const CudaEvent& earlier) const {
  float milliseconds = 0;
  check_cuda(cudaEventElapsedTime(&milliseconds, earlier.event_, event_), "cudaEventElapsedTime");
  return milliseconds;
}

CudaAnchor::CudaAnchor(cudaStream_t stream) {
  const std::int64_t before_ns = core::steady_ns();
  event_.record(stream);
  event_.synchronize();
  taken_ns_ = before_ns + (core::steady_ns() - before_ns) / 2;
}

std::int64_t CudaAnchor::steady_ns(const CudaEvent& event) const {
  return taken_ns_ + static_cast<std::int64_t>(event.milliseconds_since(event_) * 1e6);
}

}  // namespace trainyard::comm

#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <memory>

namespace trainyard::timing {

/// A point of the computing stream, recorded without waiting for it. Copies are cheap.
struct Mark {
  std::int64_t host_ns = 0;     ///< core::steady_ns() when it was recorded
  std::shared_ptr<void> event;  ///< CUDA only
};

/// Tells times on the stream that computes: on a CPU the program's own order, on CUDA the current stream's, by events
/// that are read once the device has passed them, so that no step waits for its measurement.
class StreamClock {
 public:
  virtual ~StreamClock() = default;
  virtual Mark mark() = 0;
  /// True once the stream has passed the mark: intervals up to it may be read. Never blocks.
  virtual bool passed(const Mark& mark) const = 0;
  /// Blocks until then.
  virtual void wait(const Mark& mark) const = 0;
  /// Nanoseconds on the stream between two passed marks.
  virtual std::int64_t interval_ns(const Mark& from, const Mark& to) const = 0;
};

/// @throws core::Error for a CUDA device in a build without CUDA.
std::unique_ptr<StreamClock> make_stream_clock(at::Device device);

}  // namespace trainyard::timing

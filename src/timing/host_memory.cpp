#include "timing/host_memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>
#include <fmt/format.h>

#include <atomic>
#include <cstddef>
#include <limits>
#include <mutex>
#include <new>

namespace trainyard::timing {
namespace {

constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

std::atomic<bool> counting{false};
std::atomic<std::int64_t> allocated_bytes{0};
std::atomic<std::int64_t> peak_bytes{0};
std::atomic<std::int64_t> limit_bytes{kNoLimit};

/// Before each tensor's memory: its size. As long as LibTorch aligns tensors, so that they stay aligned.
struct alignas(64) Header {
  std::int64_t bytes;
};

class CountingAllocator final : public c10::Allocator {
 public:
  explicit CountingAllocator(c10::Allocator& inner) : inner_(inner) { inner_deleter = inner.raw_deleter(); }

  c10::DataPtr allocate(std::size_t size) override {
    const c10::Device cpu(c10::DeviceType::CPU);
    if (size == 0) return {nullptr, nullptr, &release, cpu};
    const auto bytes = static_cast<std::int64_t>(size);
    take(bytes);
    void* block = nullptr;
    try {
      block = inner_.raw_allocate(size + sizeof(Header));
    } catch (const c10::Error&) {
      allocated_bytes -= bytes;
      refuse(bytes);
    }
    auto* header = new (block) Header{bytes};
    return {header + 1, header + 1, &release, cpu};
  }

  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* target, const void* source, std::size_t count) const override {
    default_copy_data(target, source, count);
  }

 private:
  static void take(std::int64_t bytes) {
    const std::int64_t now = allocated_bytes += bytes;
    if (now > limit_bytes) {
      allocated_bytes -= bytes;
      refuse(bytes);
    }
    std::int64_t peak = peak_bytes;
    while (now > peak && !peak_bytes.compare_exchange_weak(peak, now)) {
    }
  }

  [[noreturn]] static void refuse(std::int64_t bytes) {
    constexpr double kMib = 1024.0 * 1024.0;
    TORCH_CHECK_WITH(OutOfMemoryError, false,
                     fmt::format("{:.1f} MiB more than the {:.1f} MiB of tensors there are cannot be had",
                                 static_cast<double>(bytes) / kMib, static_cast<double>(allocated_bytes) / kMib));
  }

  static void release(void* tensor) {
    if (tensor == nullptr) return;
    Header* header = static_cast<Header*>(tensor) - 1;
    allocated_bytes -= header->bytes;
    inner_deleter(header);
  }

  static inline c10::DeleterFnPtr inner_deleter = nullptr;
  c10::Allocator& inner_;
};

}  // namespace

void count_host_memory() {
  static std::once_flag once;
  std::call_once(once, [] {
    c10::SetCPUAllocator(new CountingAllocator(*c10::GetCPUAllocator()));  // which takes ownership
    counting = true;
  });
}

std::optional<HostMemory> host_memory() {
  if (!counting) return std::nullopt;
  return HostMemory{allocated_bytes, peak_bytes};
}

void reset_host_peak() {
  peak_bytes = allocated_bytes.load();
}

void limit_host_memory(std::int64_t bytes) {
  limit_bytes = bytes > 0 ? bytes : kNoLimit;
}

}  // namespace trainyard::timing

#include "comm/host_group.h"

#include <span>
#include <utility>
#include <vector>

#include "core/clock.h"

namespace trainyard::comm {
namespace {

/// Keeps what unfinished requests may still touch, until the process ends.
void abandon(std::span<const at::Tensor> tensors) {
  static std::mutex mutex;
  static std::vector<at::Tensor>& kept = *std::make_unique<std::vector<at::Tensor>>().release();
  const std::lock_guard lock(mutex);
  kept.insert(kept.end(), tensors.begin(), tensors.end());
}

}  // namespace

HostGroup::HostGroup(std::unique_ptr<HostTransport> transport, const HostCommunicatorOptions& options)
    : options_(options), transport_(std::move(transport)) {
  ledger_.record_in(options_.recorder, options_.name);
  if (options_.check_agreement) agreement_ = std::make_unique<AgreementCheck>(*transport_);
}

HostGroup::~HostGroup() {
  if (!stopped_) return;
  static_cast<void>(agreement_.release());
  static_cast<void>(transport_.release());
}

std::string HostGroup::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void HostGroup::succeed(HostWork& work, CollectiveRecord record, std::int64_t start_ns) {
  const std::int64_t end_ns = core::steady_ns();
  record.interval = {work.interval().enqueue_ns, start_ns, end_ns};
  ledger_.finish(record);
  work.finish(start_ns, end_ns, {});
}

void HostGroup::fail(HostWork& work, const std::string& what, const std::string& message, std::int64_t start_ns) {
  abandon(work.tensors());
  std::string first;
  {
    const std::lock_guard lock(mutex_);
    if (failure_.empty())
      failure_ = what + " on rank " + std::to_string(rank()) + " of " + std::to_string(size()) + ": " + message;
    first = failure_;
  }
  stopped_ = true;
  work.finish(start_ns, core::steady_ns(), first);
}

void HostGroup::refuse(HostWork& work) {
  const std::int64_t now_ns = core::steady_ns();
  work.finish(now_ns, now_ns, failure());
}

}  // namespace trainyard::comm

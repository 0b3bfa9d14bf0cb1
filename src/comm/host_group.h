#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "comm/agreement.h"
#include "comm/host_transport.h"
#include "comm/host_work.h"
#include "comm/ledger.h"

namespace trainyard::comm {

struct HostCommunicatorOptions {
  /// Threads of the communicator carry out what is called while the caller computes: one the collectives, in the order
  /// of the calls, and one the exchanges. Otherwise every call blocks on the caller's thread, which is quicker for
  /// small values.
  bool asynchronous = true;
  bool check_agreement = false;
  /// Whether groups that split() makes may go through shared memory.
  bool shared_memory = true;
  std::chrono::milliseconds deadline = std::chrono::minutes(10);  ///< of one collective or exchange
  /// Where its calls are recorded, and as whose; null: nowhere.
  std::shared_ptr<core::FlightRecorder> recorder = nullptr;
  std::string name = "data";
};

/// What the threads of one HostCommunicator share.
class HostGroup {
 public:
  HostGroup(std::unique_ptr<HostTransport> transport, const HostCommunicatorOptions& options);
  /// After a failure or cancel() the transport is kept until the process ends: unfinished requests still use it, and
  /// the other ranks may never come to free their half.
  ~HostGroup();
  HostGroup(const HostGroup&) = delete;
  HostGroup& operator=(const HostGroup&) = delete;

  int rank() const { return transport_->comm().rank(); }
  int size() const { return transport_->comm().size(); }
  const HostCommunicatorOptions& options() const { return options_; }
  HostTransport& transport() { return *transport_; }
  AgreementCheck* agreement() { return agreement_.get(); }  ///< null: not checked
  Ledger& ledger() { return ledger_; }
  const Ledger& ledger() const { return ledger_; }

  /// For something that begins now.
  Limit limit() const { return Limit(options_.deadline, &stopped_); }
  /// The first failure, with which everything later fails too; empty: none.
  std::string failure() const;
  /// Ends what is under way: this rank failed elsewhere.
  void cancel() { stopped_ = true; }

  /// `work` ended: hands it its outcome, and the ledger its record (without times). `what` names it where it failed.
  void succeed(HostWork& work, CollectiveRecord record, std::int64_t start_ns);
  void fail(HostWork& work, const std::string& what, const std::string& message, std::int64_t start_ns);
  /// `work` never began, since something before it failed.
  void refuse(HostWork& work);

 private:
  const HostCommunicatorOptions options_;
  std::unique_ptr<HostTransport> transport_;
  std::unique_ptr<AgreementCheck> agreement_;
  Ledger ledger_;
  std::atomic<bool> stopped_{false};
  mutable std::mutex mutex_;
  std::string failure_;
};

}  // namespace trainyard::comm

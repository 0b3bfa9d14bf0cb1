#pragma once

#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "comm/host_group.h"
#include "comm/p2p.h"

namespace trainyard::comm {

/// Carries out the exchanges of a host group. The caller's thread posts all messages of an exchange; a thread of the
/// queue sees to it that they end. So no exchange waits for another, except where the ranks check their agreement:
/// there a call waits until the ranks it names have called their side.
class ExchangeQueue {
 public:
  explicit ExchangeQueue(HostGroup& group) : group_(group) {}
  /// Carries out what was asked for, unless the group fails or is cancelled.
  ~ExchangeQueue();
  ExchangeQueue(const ExchangeQueue&) = delete;
  ExchangeQueue& operator=(const ExchangeQueue&) = delete;

  /// Where the group is not asynchronous, the exchange has ended when this returns.
  std::shared_ptr<Work> submit(std::vector<P2P> messages);

 private:
  struct Exchange {
    std::int64_t sequence = 0;
    std::vector<P2P> messages;
    std::shared_ptr<HostWork> work;
    std::int64_t start_ns = 0;
    std::optional<Limit> limit;
    std::unique_ptr<mpi::Requests> requests;
    std::int64_t looked_ns = 0;  ///< when the peers were last looked for
    bool peer_gone = false;
  };

  void begin(Exchange& exchange);
  /// Makes progress; true once it has ended, well or badly.
  bool has_ended(Exchange& exchange);
  void look_for_peers(Exchange& exchange);
  void serve();

  HostGroup& group_;
  std::mutex mutex_;  ///< guards what follows
  std::condition_variable arrived_;
  std::list<Exchange> begun_;  ///< since the thread last looked
  bool stopping_ = false;
  std::thread thread_;  ///< starts with the first exchange
};

}  // namespace trainyard::comm

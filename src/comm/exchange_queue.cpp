#include "comm/exchange_queue.h"

#include <pthread.h>

#include <exception>
#include <utility>

#include "comm/tags.h"
#include "core/clock.h"

namespace trainyard::comm {
namespace {

constexpr std::int64_t kLookInterval_ns = 100'000'000;  // between two looks at silent peers

std::vector<at::Tensor> tensors_of(const std::vector<P2P>& messages) {
  std::vector<at::Tensor> tensors;
  for (const P2P& message : messages)
    tensors.push_back(message.tensor);
  return tensors;
}

}  // namespace

ExchangeQueue::~ExchangeQueue() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<Work> ExchangeQueue::submit(std::vector<P2P> messages) {
  Exchange exchange;
  exchange.sequence = group_.ledger().next(Operation::kExchange);
  exchange.work = std::make_shared<HostWork>(tensors_of(messages), core::steady_ns());
  exchange.messages = std::move(messages);
  std::shared_ptr<HostWork> work = exchange.work;
  begin(exchange);
  if (!group_.options().asynchronous) {
    Backoff backoff;
    while (!has_ended(exchange))
      backoff.pause();
    return work;
  }
  {
    const std::lock_guard lock(mutex_);
    begun_.push_back(std::move(exchange));
    if (!thread_.joinable()) thread_ = std::thread([this] { serve(); });
  }
  arrived_.notify_one();
  return work;
}

void ExchangeQueue::begin(Exchange& exchange) {
  exchange.start_ns = core::steady_ns();
  exchange.looked_ns = exchange.start_ns;
  exchange.limit.emplace(group_.limit());
  exchange.requests = std::make_unique<mpi::Requests>();
  if (!group_.failure().empty()) return group_.refuse(*exchange.work);
  group_.ledger().begin(Operation::kExchange, exchange.sequence, describe(exchange.messages));
  try {
    if (group_.agreement() != nullptr) group_.agreement()->exchange(exchange.messages, *exchange.limit);
    const mpi::Comm& comm = group_.transport().comm();
    for (const P2P& message : exchange.messages) {
      const auto bytes = static_cast<std::int64_t>(message.tensor.nbytes());
      if (message.is_send())
        comm.isend(message.tensor.const_data_ptr(), bytes, message.peer, kExchange, *exchange.requests);
      else
        comm.irecv(message.tensor.data_ptr(), bytes, message.peer, kExchange, *exchange.requests);
    }
  } catch (const std::exception& error) {
    group_.fail(*exchange.work, describe(exchange.messages) + " #" + std::to_string(exchange.sequence), error.what(),
                exchange.start_ns);
  }
}

bool ExchangeQueue::has_ended(Exchange& exchange) {
  if (exchange.work->done()) return true;
  try {
    if (exchange.requests->test()) {
      group_.succeed(*exchange.work,
                     {exchange.sequence, Operation::kExchange, bytes_of(exchange.messages), /*interval=*/{}},
                     exchange.start_ns);
      return true;
    }
    exchange.limit->check();
    look_for_peers(exchange);
    return false;
  } catch (const std::exception& error) {
    group_.fail(*exchange.work, describe(exchange.messages) + " #" + std::to_string(exchange.sequence), error.what(),
                exchange.start_ns);
    return true;
  }
}

// A peer may have ended in order after it sent what this rank has not looked at yet: it counts as gone at the second
// look only, with tests of the requests in between.
void ExchangeQueue::look_for_peers(Exchange& exchange) {
  const std::int64_t now_ns = core::steady_ns();
  if (now_ns - exchange.looked_ns < kLookInterval_ns) return;
  exchange.looked_ns = now_ns;
  try {
    for (const P2P& message : exchange.messages)
      group_.transport().check_alive(message.peer);
  } catch (const std::exception&) {
    if (exchange.peer_gone) throw;
    exchange.peer_gone = true;
  }
}

void ExchangeQueue::serve() {
  pthread_setname_np(pthread_self(), "ty-exchange");
  short_sleeps();
  std::list<Exchange> running;
  std::unique_lock lock(mutex_);
  while (true) {
    arrived_.wait(lock, [&] { return stopping_ || !begun_.empty(); });
    if (begun_.empty()) return;
    Backoff backoff;
    while (true) {
      if (!begun_.empty()) backoff = Backoff();
      running.splice(running.end(), begun_);
      lock.unlock();
      if (std::erase_if(running, [&](Exchange& exchange) { return has_ended(exchange); }) > 0) backoff = Backoff();
      lock.lock();
      if (running.empty()) break;
      if (const auto sleep = backoff.next(); sleep.count() > 0)
        arrived_.wait_for(lock, sleep, [&] { return !begun_.empty(); });
    }
  }
}

}  // namespace trainyard::comm

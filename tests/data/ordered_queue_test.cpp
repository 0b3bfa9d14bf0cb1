#include "data/ordered_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

// Free of LibTorch, so that it also runs under the thread sanitizer by itself.
namespace trainyard::data {
namespace {

using namespace std::chrono_literals;

struct Series {
  std::int64_t factor = 1;
};
using Queue = OrderedQueue<Series, std::unique_ptr<std::int64_t>>;

std::shared_ptr<const Series> series(std::int64_t factor) {
  return std::make_shared<const Series>(Series{factor});
}

std::unique_ptr<std::int64_t> make(const Queue::Ticket& ticket) {
  return std::make_unique<std::int64_t>(ticket.job->factor * ticket.index);
}

/// Threads that make items until the queue is closed; some take longer than others.
class Makers {
 public:
  Makers(Queue& queue, int count) : queue_(queue) {
    for (int i = 0; i < count; ++i) {
      threads_.emplace_back([&queue, i] {
        while (const auto ticket = queue.claim()) {
          if ((ticket->index + i) % 7 == 0) std::this_thread::sleep_for(50us);
          queue.put(*ticket, make(*ticket));
        }
      });
    }
  }
  ~Makers() { queue_.close(); }

 private:
  Queue& queue_;
  std::vector<std::jthread> threads_;
};

TEST(OrderedQueue, GivesItemsInOrderWhoeverMadeThem) {
  for (const int makers : {1, 2, 5}) {
    Queue queue(4);
    const Makers threads(queue, makers);
    queue.start(series(10), 3, 1000);
    for (std::int64_t i = 3; i < 1000; ++i) {
      const auto item = queue.take();
      ASSERT_TRUE(item);
      ASSERT_EQ(**item, 10 * i);
    }
    EXPECT_FALSE(queue.take());
    EXPECT_FALSE(queue.take());
  }
}

TEST(OrderedQueue, TakesItemsThatWereMadeOutOfOrder) {
  Queue queue(3);
  queue.start(series(1), 0, 3);
  const auto first = queue.claim(), second = queue.claim(), third = queue.claim();
  queue.put(*third, make(*third));
  queue.put(*first, make(*first));
  EXPECT_EQ(**queue.take(), 0);
  queue.put(*second, make(*second));
  EXPECT_EQ(**queue.take(), 1);
  EXPECT_EQ(**queue.take(), 2);
  EXPECT_FALSE(queue.take());
}

TEST(OrderedQueue, NeverRunsFurtherAheadThanItsCapacity) {
  constexpr std::int64_t kCapacity = 3;
  Queue queue(kCapacity);
  std::atomic<std::int64_t> taken{0};
  std::atomic<std::int64_t> furthest{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (const auto ticket = queue.claim()) {
        // `taken` is raised before the item is taken, so what is seen here is never too small a lead.
        const std::int64_t lead = ticket->index - taken.load();
        std::int64_t seen = furthest.load();
        while (lead > seen && !furthest.compare_exchange_weak(seen, lead)) {
        }
        queue.put(*ticket, make(*ticket));
      }
    });
  }
  queue.start(series(1), 0, 300);
  std::this_thread::sleep_for(20ms);  // the makers fill the queue and must stop
  EXPECT_LT(furthest.load(), kCapacity);
  for (std::int64_t i = 0; i < 300; ++i) {
    taken.store(i + 1);
    ASSERT_EQ(**queue.take(), i);
  }
  EXPECT_LT(furthest.load(), kCapacity);
  queue.close();
}

TEST(OrderedQueue, DropsWhatIsPutForAnAbandonedSeries) {
  Queue queue(2);
  queue.start(series(1), 1, 10);
  const auto stale = queue.claim();
  const auto waiting = queue.claim();
  queue.put(*waiting, make(*waiting));
  queue.start(series(100), 1, 3);
  const auto first = queue.claim(), second = queue.claim();
  queue.put(*first, make(*first));
  queue.put(*stale, make(*stale));  // the slot of `first`
  EXPECT_EQ(**queue.take(), 100);
  queue.put(*second, make(*second));
  queue.fail(*waiting, std::make_exception_ptr(std::runtime_error("stale")));  // the slot of `second`
  EXPECT_EQ(**queue.take(), 200);
  EXPECT_FALSE(queue.take());
}

TEST(OrderedQueue, ThrowsAnErrorInItsPlaceAndUntilTheNextSeries) {
  Queue queue(3);
  queue.start(series(1), 0, 10);
  const auto first = queue.claim(), second = queue.claim();
  queue.fail(*second, std::make_exception_ptr(std::runtime_error("broken")));
  queue.put(*first, make(*first));
  EXPECT_EQ(**queue.take(), 0);
  EXPECT_THROW(queue.take(), std::runtime_error);
  EXPECT_THROW(queue.take(), std::runtime_error);
  queue.start(series(1), 5, 6);
  const auto next = queue.claim();
  queue.put(*next, make(*next));
  EXPECT_EQ(**queue.take(), 5);
}

TEST(OrderedQueue, SurvivesSeriesAfterAbandonedSeries) {
  Queue queue(4);
  const Makers threads(queue, 3);
  for (std::int64_t round = 1; round <= 500; ++round) {
    queue.start(series(round), 0, 50);
    for (std::int64_t i = 0; i < round % 7; ++i)
      ASSERT_EQ(**queue.take(), round * i);
  }
}

TEST(OrderedQueue, LetsWaitingMakersGoWhenItCloses) {
  for (int round = 0; round < 200; ++round) {
    Queue queue(1);
    const Makers threads(queue, 4);
    if (round % 2 == 0) queue.start(series(1), 0, 100);
    if (round % 4 == 0) {
      ASSERT_EQ(**queue.take(), 0);
    }
  }
}

TEST(OrderedQueue, TakesNothingFromAnEmptySeries) {
  Queue queue(2);
  EXPECT_FALSE(queue.take());
  queue.start(series(1), 4, 4);
  EXPECT_FALSE(queue.take());
  queue.start(series(1), 9, 4);
  EXPECT_FALSE(queue.take());
}

}  // namespace
}  // namespace trainyard::data

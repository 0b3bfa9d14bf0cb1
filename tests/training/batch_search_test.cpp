#include "training/batch_search.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace trainyard::training {
namespace {

/// A machine where a step of n samples peaks at fixed + each n^power bytes.
struct Machine {
  std::int64_t memory;
  double fixed;
  double each;
  double power = 1.0;
  std::vector<std::int64_t> tried = {};

  std::int64_t peak(std::int64_t batch_size) const {
    return static_cast<std::int64_t>(fixed + each * std::pow(static_cast<double>(batch_size), power));
  }
  std::optional<Fit> search(std::int64_t largest = 65'536) {
    return largest_batch(2, largest, memory, [this](std::int64_t batch_size) -> std::optional<std::int64_t> {
      tried.push_back(batch_size);
      const std::int64_t needed = peak(batch_size);
      return needed <= memory ? std::optional(needed) : std::nullopt;
    });
  }
};

TEST(BatchSearchTest, FindsTheLargestThatFitsWhereverItLies) {
  for (std::int64_t most = 2; most < 200; ++most) {
    Machine machine{.memory = 1000 + most * 10 + 9, .fixed = 1000, .each = 10};
    const auto fit = machine.search();
    ASSERT_TRUE(fit);
    EXPECT_EQ(fit->batch_size, most);
    EXPECT_EQ(fit->peak_bytes, 1000 + 10 * most);
    EXPECT_DOUBLE_EQ(fit->bytes_per_sample, most > 2 ? 10 : 510);
  }
}

TEST(BatchSearchTest, ALineOfPeaksNeedsFewTrialsPastTheDoubling) {
  Machine machine{.memory = 1'000'000, .fixed = 100'000, .each = 1000};
  EXPECT_EQ(machine.search()->batch_size, 900);
  EXPECT_LE(machine.tried.size(), 12u) << "9 until 512 fits, 1024 that does not, the guess and its neighbour";
}

TEST(BatchSearchTest, PeaksThatAreNoLineAreHalved) {
  for (const double power : {0.3, 2.0}) {
    Machine machine{.memory = 1'000'000, .fixed = 10, .each = power < 1 ? 90'000.0 : 3.0, .power = power};
    const auto fit = machine.search();
    ASSERT_TRUE(fit);
    EXPECT_LE(machine.peak(fit->batch_size), machine.memory);
    EXPECT_GT(machine.peak(fit->batch_size + 1), machine.memory);
    EXPECT_LE(machine.tried.size(), 30u);
  }
}

TEST(BatchSearchTest, StopsAtTheLargestAllowed) {
  Machine machine{.memory = 1'000'000'000, .fixed = 0, .each = 1};
  EXPECT_EQ(machine.search(100)->batch_size, 100);
}

TEST(BatchSearchTest, IsNothingWhereTheSmallestDoesNotFit) {
  Machine machine{.memory = 10, .fixed = 100, .each = 1};
  EXPECT_FALSE(machine.search());
  EXPECT_EQ(machine.tried, std::vector<std::int64_t>{2});
}

}  // namespace
}  // namespace trainyard::training

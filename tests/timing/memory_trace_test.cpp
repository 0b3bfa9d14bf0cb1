#include "timing/memory_trace.h"

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include "timing/host_memory.h"

namespace trainyard::timing {
namespace {

at::Tensor traced_bytes(std::int64_t count) {
  return at::empty({count}, at::kByte);
}

class MemoryTraceTest : public testing::Test {
 protected:
  MemoryTraceTest() {
    count_host_memory();
    others_ = host_memory()->allocated;
    held_ = traced_bytes(700);  // of which the strategy knows 600
    reset_host_peak();
  }
  static constexpr MemoryShares kShares{.parameters = 100, .gradients = 200, .optimizer = 300};
  std::int64_t others_;  ///< made before by anyone
  at::Tensor held_;
};

TEST_F(MemoryTraceTest, ActivationsAreWhatForwardLeavesAndWorkspaceWhatThePeakAdds) {
  MemoryTrace trace(at::kCPU);
  at::Tensor saved = traced_bytes(1000);
  traced_bytes(300);
  trace.end_of(Phase::kForward);
  traced_bytes(500);
  saved.reset();
  trace.end_of(Phase::kBackward);
  traced_bytes(50);
  trace.end_of(Phase::kOptimizer);
  const log::MemoryRow row = trace.finish(7, kShares);
  EXPECT_EQ(row.step, 7);
  EXPECT_EQ(row.parameters_bytes, 100);
  EXPECT_EQ(row.gradients_bytes, 200);
  EXPECT_EQ(row.optimizer_bytes, 300);
  EXPECT_EQ(row.activations_bytes, 1000);
  EXPECT_EQ(row.workspace_bytes, 500);
  EXPECT_EQ(row.other_bytes, others_ + 100);
  EXPECT_EQ(row.peak_bytes, others_ + 2200);
  EXPECT_EQ(row.forward_peak_bytes, others_ + 2000);
  EXPECT_EQ(row.backward_peak_bytes, others_ + 2200);
  EXPECT_EQ(row.optimizer_peak_bytes, others_ + 750);
  EXPECT_EQ(row.allocated_bytes, others_ + 700);
  EXPECT_GT(row.resident_bytes, 0);
}

// A pipeline's: forwards and backwards take turns.
TEST_F(MemoryTraceTest, OfSeveralForwardsTheMostLeftCounts) {
  MemoryTrace trace(at::kCPU);
  at::Tensor first = traced_bytes(1000);
  trace.end_of(Phase::kForward);
  at::Tensor second = traced_bytes(1000);
  trace.end_of(Phase::kForward);
  first.reset();
  traced_bytes(100);
  trace.end_of(Phase::kBackward);
  trace.end_of(Phase::kForward);
  const log::MemoryRow row = trace.finish(0, kShares);
  EXPECT_EQ(row.activations_bytes, 2000);
  EXPECT_EQ(row.workspace_bytes, 0);
}

TEST_F(MemoryTraceTest, TemporariesOfAnotherPhaseAreOther) {
  MemoryTrace trace(at::kCPU);
  traced_bytes(1000);
  trace.end_of(Phase::kBackward);
  traced_bytes(4000);
  trace.end_of(Phase::kOptimizer);
  const log::MemoryRow row = trace.finish(0, kShares);
  EXPECT_EQ(row.activations_bytes, 0);
  EXPECT_EQ(row.workspace_bytes, 1000);
  EXPECT_EQ(row.other_bytes, others_ + 100 + 3000);
}

TEST_F(MemoryTraceTest, ThePeakIsThatSinceTheLastRow) {
  traced_bytes(9000);  // in a step that was not traced
  MemoryTrace trace(at::kCPU);
  traced_bytes(1000);
  trace.end_of(Phase::kForward);
  const log::MemoryRow row = trace.finish(0, kShares);
  EXPECT_EQ(row.peak_bytes, others_ + 9700);
  EXPECT_EQ(row.workspace_bytes, 1000);
  EXPECT_EQ(MemoryTrace(at::kCPU).finish(1, kShares).peak_bytes, others_ + 700);
}

}  // namespace
}  // namespace trainyard::timing

#include "parallel/gradient_reducer.h"

#include <gmock/gmock.h>

#include "comm/local_communicator.h"
#include "tiny_model.h"

namespace trainyard::parallel {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Writes down the sizes of what it is asked to reduce.
class RecordingCommunicator final : public comm::LocalCommunicator {
 public:
  std::shared_ptr<comm::Work> all_reduce(at::Tensor tensor, comm::ReduceOp op) override {
    reduced.push_back(tensor.numel());
    return comm::LocalCommunicator::all_reduce(tensor, op);
  }

  std::vector<std::int64_t> reduced;
};

/// tiny_model's parameters 0 to 3: two convolutions, then the linear layer's weight and bias; a bucket each.
class GradientReducerTest : public ::testing::Test {
 protected:
  GradientReducerTest() { reducer_.begin_step(); }

  std::int64_t elements(std::size_t bucket) const { return flat_.buckets()[bucket].layout.elements; }

  std::unique_ptr<models::Model> model_ = test::tiny_model(0);
  FlatParameters flat_{*model_, /*bucket_mb=*/1e-6, config::MemoryFormat::kContiguous};
  RecordingCommunicator communicator_;
  GradientReducer reducer_{flat_, communicator_};
};

TEST_F(GradientReducerTest, ABucketStartsWithItsLastGradientWhileOthersAreStillMissing) {
  ASSERT_EQ(flat_.buckets().size(), 4u);
  reducer_.mark_ready(3);
  EXPECT_THAT(communicator_.reduced, ElementsAre(elements(0)));
  reducer_.mark_ready(2);
  EXPECT_THAT(communicator_.reduced, ElementsAre(elements(0), elements(1)));
}

TEST_F(GradientReducerTest, BucketsStartInOrderWhateverBecomesReadyFirst) {
  reducer_.mark_ready(2);
  EXPECT_THAT(communicator_.reduced, IsEmpty());
  reducer_.mark_ready(0);
  reducer_.mark_ready(3);
  EXPECT_THAT(communicator_.reduced, ElementsAre(elements(0), elements(1)));
  reducer_.mark_ready(1);
  EXPECT_THAT(communicator_.reduced, ElementsAre(elements(0), elements(1), elements(2), elements(3)));
}

TEST_F(GradientReducerTest, EachStepReducesEachBucketOnce) {
  for (int step = 0; step < 2; ++step) {
    communicator_.reduced.clear();
    reducer_.begin_step();
    for (const std::size_t parameter : {3u, 2u, 1u, 0u}) {
      reducer_.mark_ready(parameter);
    }
    EXPECT_EQ(communicator_.reduced.size(), 4u);
    EXPECT_EQ(reducer_.works().size(), 4u);
  }
}

}  // namespace
}  // namespace trainyard::parallel

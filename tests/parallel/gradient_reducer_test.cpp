#include "parallel/gradient_reducer.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "comm/local_communicator.h"
#include "parallel/transient_storage.h"
#include "steps.h"
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

  std::shared_ptr<comm::Work> reduce_scatter(at::Tensor output, at::Tensor input, comm::ReduceOp /*op*/) override {
    scattered.push_back(input.numel());
    output.copy_(input.narrow(0, 0, output.numel()));
    return broadcast(output, 0);
  }

  std::vector<std::int64_t> reduced;
  std::vector<std::int64_t> scattered;
};

/// tiny_model's parameters 0 to 3: two convolutions, then the linear layer's weight and bias; a bucket each.
class GradientReducerTest : public ::testing::Test {
 protected:
  GradientReducerTest() { reducer_.begin_step(timer_); }

  std::int64_t elements(std::size_t bucket) const { return flat_.buckets()[bucket].layout.elements; }

  std::unique_ptr<models::Model> model_ = test::tiny_model(0);
  FlatParameters flat_{*model_, {.bucket_mb = 1e-6}};
  RecordingCommunicator communicator_;
  GradientReducer reducer_{flat_, communicator_, config::Compression::kNone};
  timing::StepTimer timer_ = test::quiet_timer();
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
    reducer_.begin_step(timer_);
    for (const std::size_t parameter : {3u, 2u, 1u, 0u}) {
      reducer_.mark_ready(parameter);
    }
    EXPECT_EQ(communicator_.reduced.size(), 4u);
    EXPECT_EQ(reducer_.works().size(), 4u);
  }
}

TEST(GradientReducerShardsTest, GradientsAreScatteredAndFewLieWholeAtATime) {
  const auto model = test::tiny_model(0);
  FlatParameters flat(*model, {.bucket_mb = 1e-6, .sharding = {.rank = 0, .ranks = 2, .gradients = true}});
  RecordingCommunicator communicator;
  GradientReducer reducer(flat, communicator, config::Compression::kNone);
  timing::StepTimer timer = test::quiet_timer();
  reducer.begin_step(timer);
  for (std::size_t parameter = model->parameters().size(); parameter-- > 0;) {
    flat.give_gradients(flat.bucket_of(parameter));
    flat.gradient(parameter).fill_(static_cast<double>(parameter));
    reducer.mark_ready(parameter);
    const auto whole =
        std::ranges::count_if(flat.buckets(), [](const FlatBucket& b) { return has_memory(b.gradients); });
    EXPECT_LE(whole, 2);
  }
  EXPECT_THAT(communicator.reduced, IsEmpty());
  EXPECT_THAT(communicator.scattered, ::testing::SizeIs(4));
  for (std::size_t bucket = 0; bucket < flat.buckets().size(); ++bucket) {
    reducer.wait(bucket);
    EXPECT_FALSE(has_memory(flat.buckets()[bucket].gradients));
    const auto expected = static_cast<float>(flat.buckets()[bucket].layout.slots.front().parameter);
    EXPECT_EQ(flat.buckets()[bucket].gradient_shard[0].item<float>(), expected);
  }
}

TEST(GradientReducerCompressionTest, SumsAreRoundedToTheTypeInWhichTheyTravel) {
  const auto model = test::tiny_model(0);
  FlatParameters flat(*model, {});
  RecordingCommunicator communicator;
  GradientReducer reducer(flat, communicator, config::Compression::kBf16);
  timing::StepTimer timer = test::quiet_timer();
  reducer.begin_step(timer);
  const float value = 1.0f + 1.0f / 1024;  // bf16 keeps 8 bits of it
  flat.buckets()[0].gradients.fill_(value);
  for (std::size_t parameter = model->parameters().size(); parameter-- > 0;)
    reducer.mark_ready(parameter);
  reducer.wait(0);
  EXPECT_EQ(flat.gradient(0).flatten()[0].item<float>(), 1.0f);
}

}  // namespace
}  // namespace trainyard::parallel

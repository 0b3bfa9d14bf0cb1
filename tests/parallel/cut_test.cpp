#include "parallel/cut.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "core/text.h"

namespace trainyard::parallel {
namespace {

using models::Range;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

const std::vector<std::string> kStages = {"stem", "layer1.0", "layer1.1", "layer2.0", "layer2.1", "head"};

double dearest(std::span<const double> costs, const std::vector<Range>& cut) {
  double most = 0.0;
  for (const Range& part : cut) {
    double sum = 0.0;
    for (std::size_t i = part.begin; i < part.end; ++i)
      sum += costs[i];
    most = std::max(most, sum);
  }
  return most;
}

/// By trying every cut.
double best(std::span<const double> costs, std::size_t parts) {
  if (parts == 1) return std::accumulate(costs.begin(), costs.end(), 0.0);
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t first = 1; first + parts - 1 <= costs.size(); ++first) {
    const double head = std::accumulate(costs.begin(), costs.begin() + static_cast<std::ptrdiff_t>(first), 0.0);
    least = std::min(least, std::max(head, best(costs.subspan(first), parts - 1)));
  }
  return least;
}

TEST(BalancedCut, TheDearestPartCostsAsLittleAsAnyCutAllows) {
  unsigned state = 1;
  for (int round = 0; round < 50; ++round) {
    std::vector<double> costs;
    for (int i = 0; i < 9; ++i) {
      state = state * 1664525u + 1013904223u;
      costs.push_back((state >> 24) % 20);  // zeros among them
    }
    for (std::size_t parts = 1; parts <= costs.size(); ++parts) {
      const std::vector<Range> cut = balanced_cut(costs, parts);
      ASSERT_EQ(cut.size(), parts);
      EXPECT_EQ(cut.back().end, costs.size());
      for (std::size_t i = 0; i < parts; ++i) {
        EXPECT_GT(cut[i].size(), 0u);
        EXPECT_EQ(cut[i].begin, i > 0 ? cut[i - 1].end : 0);
      }
      EXPECT_EQ(dearest(costs, cut), best(costs, parts));
    }
  }
}

TEST(BalancedCut, MorePartsThanStagesAreRefused) {
  const std::vector<double> costs = {1, 1};
  EXPECT_THAT([&] { balanced_cut(costs, 3); },
              ThrowsMessage<core::UsageError>(HasSubstr("the model has 2 stages, too few for 3 parts")));
}

TEST(NamedCut, BeginsEachPartAtTheStageNamed) {
  EXPECT_THAT(named_cut("layer1.1, layer2.1", kStages, 3), ElementsAre(Range{0, 2}, Range{2, 4}, Range{4, 6}));
}

TEST(NamedCut, AnUnknownStageIsRefusedWithTheNearestName) {
  EXPECT_THAT([] { named_cut("layer2_0", kStages, 2); },
              ThrowsMessage<core::UsageError>(HasSubstr("the model has no stage layer2_0 (did you mean layer2.0?)")));
}

TEST(NamedCut, PartsWithoutAStageAreRefused) {
  for (const char* cut : {"stem", "layer2.0,layer1.0", "layer2.0,layer2.0"}) {
    EXPECT_THAT([&] { named_cut(cut, kStages, core::split(cut, ',').size() + 1); },
                ThrowsMessage<core::UsageError>(HasSubstr("leaves the part before it empty")));
  }
}

TEST(NamedCut, AnotherNumberOfPartsIsRefused) {
  EXPECT_THAT([] { named_cut("layer2.0", kStages, 3); },
              ThrowsMessage<core::UsageError>(HasSubstr("makes 2 parts, and the run has 3: name 2 stages")));
}

}  // namespace
}  // namespace trainyard::parallel

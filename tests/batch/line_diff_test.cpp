#include "batch/line_diff.h"

#include <gtest/gtest.h>

namespace trainyard::batch {
namespace {

TEST(LineDiff, IsEmptyForEqualTexts) {
  EXPECT_EQ(line_diff("a\nb\n", "a\nb\n", "x", "y"), "");
}

TEST(LineDiff, ShowsTheFewestChanges) {
  EXPECT_EQ(line_diff("a\nb\nc\nd\n", "a\nc\ne\nd\n", "old", "new"), "--- old\n+++ new\n a\n-b\n c\n+e\n d\n");
}

TEST(LineDiff, TakesEmptyTexts) {
  EXPECT_EQ(line_diff("", "a\n", "old", "new"), "--- old\n+++ new\n+a\n");
  EXPECT_EQ(line_diff("a\n", "", "old", "new"), "--- old\n+++ new\n-a\n");
}

}  // namespace
}  // namespace trainyard::batch

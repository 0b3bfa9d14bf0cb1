#include "core/hash.h"

#include <gtest/gtest.h>

namespace trainyard::core {
namespace {

// Reference values: what `xxhsum -H3` prints for the same bytes.
TEST(Hash, EqualsXxhsum) {
  EXPECT_EQ(xxh3_64_hex(""), "2d06800538d394c2");
  EXPECT_EQ(xxh3_64("") >> 32, 0x2d068005U);
  EXPECT_EQ(xxh3_64_hex("abc"), "78af5f94892f3950");
}

}  // namespace
}  // namespace trainyard::core

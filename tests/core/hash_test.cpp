#include "core/hash.h"

#include <gtest/gtest.h>

namespace trainyard::core {
namespace {

// Reference values: what `xxhsum -H3` and `xxhsum -H2` print for the same bytes.
TEST(Hash, EqualsXxhsum) {
  EXPECT_EQ(xxh3_64_hex(""), "2d06800538d394c2");
  EXPECT_EQ(xxh3_64("") >> 32, 0x2d068005U);
  EXPECT_EQ(xxh3_128_hex(""), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(xxh3_64_hex("abc"), "78af5f94892f3950");
  EXPECT_EQ(xxh3_128_hex("abc"), "06b05ab6733a618578af5f94892f3950");
}

}  // namespace
}  // namespace trainyard::core

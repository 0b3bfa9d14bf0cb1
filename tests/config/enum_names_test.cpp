#include "config/enum_names.h"

#include <gtest/gtest.h>

namespace trainyard::config {
namespace {

template <typename Enum>
class EnumNamesOf : public testing::Test {};

using Enums = testing::Types<Model, Data, StrategyKind, Checkpointing, PrecisionKind, NormalisationKind, ScheduleKind,
                             DeviceKind, MemoryFormat>;
TYPED_TEST_SUITE(EnumNamesOf, Enums);

TYPED_TEST(EnumNamesOf, EveryValueHasOneNameThatLeadsBack) {
  int expected = 0;
  for (const auto& [value, name] : EnumNames<TypeParam>::table) {
    EXPECT_EQ(static_cast<int>(value), expected++);  // none missing, none twice
    EXPECT_EQ(name_of(value), name);
    EXPECT_EQ(from_name<TypeParam>(name), value);
  }
}

TYPED_TEST(EnumNamesOf, AnUnknownNameIsNoValue) {
  EXPECT_EQ(from_name<TypeParam>(""), std::nullopt);
  EXPECT_EQ(from_name<TypeParam>("no such name"), std::nullopt);
}

}  // namespace
}  // namespace trainyard::config

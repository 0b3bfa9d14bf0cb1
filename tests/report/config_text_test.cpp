#include "report/config_text.h"

#include <gtest/gtest.h>

namespace trainyard::report {
namespace {

TEST(ParseConfigText, ReadsKeysAndPassesOverTheRest) {
  const auto keys = parse_config_text("# c = d\n\n[slurm]\n a = b = c \nempty =\nno value\n");
  EXPECT_EQ(keys.size(), 2U);
  EXPECT_EQ(keys.at("a"), "b = c");
  EXPECT_EQ(keys.at("empty"), "");
}

TEST(ConfigText, GivesNothingForAKeyThatIsNotThereOrNoNumber) {
  const ConfigText config = parse_config_text("workers = 2\nlr = 0.1\n");
  EXPECT_EQ(config_number(config, "workers"), 2);
  EXPECT_FALSE(config_number(config, "lr").has_value());
  EXPECT_FALSE(config_number(config, "stages").has_value());
  EXPECT_EQ(config_value(config, "lr"), "0.1");
  EXPECT_EQ(config_value(config, "stages"), "");
}

}  // namespace
}  // namespace trainyard::report

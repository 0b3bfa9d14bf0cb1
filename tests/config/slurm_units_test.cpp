#include "config/slurm_units.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace trainyard::config {
namespace {

TEST(Memory, IsReadInTheUnitsOfSbatch) {
  EXPECT_EQ(parse_memory_mib("512M"), 512);
  EXPECT_EQ(parse_memory_mib("16G"), 16 * 1024);
  EXPECT_EQ(parse_memory_mib("16GB"), 16 * 1024);
  EXPECT_EQ(parse_memory_mib("2T"), 2 * 1024 * 1024);
}

TEST(Memory, RefusesWhatSbatchWouldReadOtherwise) {
  // A bare number is MiB to sbatch and 0 the whole node: neither is likely to be meant.
  for (const char* text : {"", "16", "0", "0G", "-1G", "1.5G", "16K", "G", "16 G", "65T", "9999999999999999999G"}) {
    EXPECT_THROW(parse_memory_mib(text), core::UsageError) << text;
  }
}

TEST(Memory, IsWrittenInTheLargestWholeUnit) {
  EXPECT_EQ(format_memory_mib(1500), "1500M");
  EXPECT_EQ(format_memory_mib(16 * 1024), "16G");
  EXPECT_EQ(format_memory_mib(2 * 1024 * 1024), "2T");
}

TEST(Time, IsReadWithAndWithoutDays) {
  EXPECT_EQ(parse_time_s("00:01:00"), 60);
  EXPECT_EQ(parse_time_s("04:00:00"), 4 * 3600);
  EXPECT_EQ(parse_time_s("48:00:00"), 48 * 3600);
  EXPECT_EQ(parse_time_s("2-00:00:00"), 48 * 3600);
}

TEST(Time, RefusesWhatSbatchWouldReadOtherwise) {
  // "30" is minutes to sbatch, "04:00" minutes and seconds.
  for (const char* text : {"", "30", "04:00", "1-04", "1-24:00:00", "00:60:00", "00:00:60", "00:00:59", "-1:00:00",
                           "366-00:00:00", "1:2:3:4", "001:00:00", "a:b:c"}) {
    EXPECT_THROW(parse_time_s(text), core::UsageError) << text;
  }
}

TEST(Time, IsWrittenAsSlurmShowsIt) {
  EXPECT_EQ(format_time_s(4 * 3600), "04:00:00");
  EXPECT_EQ(format_time_s(90061), "1-01:01:01");
}

}  // namespace
}  // namespace trainyard::config

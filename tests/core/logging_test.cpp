#include "core/logging.h"

#include <gmock/gmock.h>

namespace trainyard::core {
namespace {

using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

std::string say_all(const LoggingOptions& options) {
  CaptureStderr();
  set_up_logging(options);
  log(LogLevel::kDebug, "d");
  log_info("i");
  log_warning("w1\nw2");
  log_error("e");
  set_up_logging({});
  return GetCapturedStderr();
}

TEST(Logging, RankZeroSpeaksPlainly) {
  EXPECT_EQ(say_all({}), "i\nwarning: w1 w2\nerror: e\n");
  EXPECT_EQ(say_all({.host = "", .level = LogLevel::kDebug}), "debug: d\ni\nwarning: w1 w2\nerror: e\n");
  EXPECT_EQ(say_all({.host = "", .level = LogLevel::kError}), "error: e\n");
}

TEST(Logging, OtherRanksNameThemselvesAndOnlyWarn) {
  EXPECT_EQ(say_all({.rank = 3, .world_size = 4, .host = "node7"}),
            "[rank 3 node7] warning: w1 w2\n[rank 3 node7] error: e\n");
}

}  // namespace
}  // namespace trainyard::core

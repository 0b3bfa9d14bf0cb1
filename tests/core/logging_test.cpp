#include "core/logging.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "core/file.h"
#include "temporary_folder.h"

namespace trainyard::core {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::ThrowsMessage;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

std::string say_all(const LoggingOptions& options) {
  CaptureStderr();
  set_up_logging(options);
  log_debug("d");
  log_info("i");
  log_warning("w1\nw2");
  log_error("e");
  set_up_logging({});
  return GetCapturedStderr();
}

TEST(Logging, RankZeroSpeaksPlainly) {
  EXPECT_EQ(say_all({}), "i\nwarning: w1 w2\nerror: e\n");
  EXPECT_EQ(say_all({.host = "", .level = LogLevel::kDebug, .file = {}}), "debug: d\ni\nwarning: w1 w2\nerror: e\n");
  EXPECT_EQ(say_all({.host = "", .level = LogLevel::kError, .file = {}}), "error: e\n");
}

TEST(Logging, OtherRanksNameThemselvesAndOnlyWarn) {
  EXPECT_EQ(say_all({.rank = 3, .world_size = 4, .host = "node7", .file = {}}),
            "[rank 3 node7] warning: w1 w2\n[rank 3 node7] error: e\n");
}

TEST(Logging, RankZeroKeepsAFile) {
  const trainyard::testing::TemporaryFolder folder;
  say_all({.host = "", .file = folder / "run.log"});
  say_all({.rank = 1, .world_size = 2, .host = "n", .file = folder / "other.log"});
  const std::string text = read_file(folder / "run.log");
  EXPECT_THAT(text,
              MatchesRegex("[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+Z i\n[^\n]* warning: w1 w2\n[^\n]* error: e\n"));
  EXPECT_FALSE(std::filesystem::exists(folder / "other.log"));
}

TEST(Logging, NamesAFileThatCannotBeWritten) {
  const trainyard::testing::TemporaryFolder folder;
  EXPECT_THAT([&] { set_up_logging({.host = "", .file = folder.path()}); },
              ThrowsMessage<Error>(HasSubstr(folder.path().string())));
}

}  // namespace
}  // namespace trainyard::core

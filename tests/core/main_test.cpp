#include "core/main.h"

#include <gmock/gmock.h>

#include "core/error.h"

namespace trainyard::core {
namespace {

using ::testing::ElementsAre;
using ::testing::internal::CaptureStderr;
using ::testing::internal::GetCapturedStderr;

struct Outcome {
  int status;
  std::string complaint;
};

Outcome run(const std::function<int()>& body) {
  std::string name = "tool";
  char* arguments[] = {name.data(), nullptr};
  CaptureStderr();
  const int status = run_main(1, arguments, "tool", [&](const auto&) { return body(); });
  return {status, GetCapturedStderr()};
}

TEST(RunMain, PassesArgumentsAndStatus) {
  std::string name = "tool", first = "--key", second = "va lue";
  char* arguments[] = {name.data(), first.data(), second.data(), nullptr};
  std::vector<std::string> seen;
  EXPECT_EQ(run_main(3, arguments, "tool",
                     [&](const std::vector<std::string>& given) {
                       seen = given;
                       return 7;
                     }),
            7);
  EXPECT_THAT(seen, ElementsAre("--key", "va lue"));
}

TEST(RunMain, TurnsExceptionsIntoOneLineAndAStatus) {
  const Outcome failed = run([]() -> int { throw Error("a.cfg: broken\n  badly\n"); });
  EXPECT_EQ(failed.status, 1);
  EXPECT_EQ(failed.complaint, "tool: a.cfg: broken badly\n");
  const Outcome misused = run([]() -> int { throw UsageError("no such key"); });
  EXPECT_EQ(misused.status, 2);
  EXPECT_EQ(misused.complaint, "tool: no such key\n");
  EXPECT_EQ(run([]() -> int { throw std::runtime_error(""); }).complaint, "tool: failed\n");
  EXPECT_EQ(run([]() -> int { throw std::bad_alloc(); }).complaint, "tool: out of memory\n");
}

}  // namespace
}  // namespace trainyard::core

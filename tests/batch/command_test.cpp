#include "batch/command.h"

#include <gmock/gmock.h>

#include "refusal.h"

namespace trainyard::batch {
namespace {

using testing::HasSubstr;

TEST(ReadCommand, GivesBothOutputsAndTheStatus) {
  const CommandOutput output = read_command({"sh", "-c", "echo out; echo err >&2; cat; exit 3"});
  EXPECT_EQ(output.text, "out\nerr\n");
  EXPECT_EQ(output.status, 3);
  EXPECT_EQ(read_command({"sh", "-c", "kill -9 $$"}).status, 137);
}

TEST(ReadCommand, TakesEachWordAsItIs) {
  EXPECT_EQ(read_command({"printf", "%s|", "a b", "$HOME", "it's", ""}).text, "a b|$HOME|it's||");
  EXPECT_THAT(test::refusal([] { read_command({"echo", "two\nlines"}); }), HasSubstr("control character"));
}

TEST(ReadCommand, AProgramThatIsNotThereIsSaidByTheShell) {
  const CommandOutput output = read_command({"no-such-program-of-trainyard"});
  EXPECT_EQ(output.status, 127);
  EXPECT_THAT(output.text, HasSubstr("not found"));
}

TEST(ReadCommand, LongOutputIsCutAndTheProgramEndsWell) {
  const CommandOutput output = read_command({"sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' x"});
  EXPECT_EQ(output.status, 0);
  EXPECT_LT(output.text.size(), 100'000U);
}

}  // namespace
}  // namespace trainyard::batch

#include "batch/quote.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>

#include "core/error.h"
#include "refusal.h"

namespace trainyard::batch {
namespace {

TEST(SbatchValue, LeavesPlainValuesBare) {
  for (const char* value : {"resnet34_fp16_2node", "torch_pr_123_name", "a.b-c", "ece_gy_9143-2026sp", "gpu:4"}) {
    EXPECT_EQ(sbatch_value(value, "account"), value);
  }
}

TEST(SbatchValue, QuotesWhatSbatchTakesOnlyWithinQuotes) {
  EXPECT_EQ(sbatch_value("h100|a100", "constraint"), "\"h100|a100\"");
  EXPECT_EQ(sbatch_value("preemption=yes;requeue=true", "comment"), "\"preemption=yes;requeue=true\"");
  EXPECT_EQ(sbatch_value("two words", "comment"), "\"two words\"");
}

TEST(SbatchValue, RefusesWhatWouldBeCutOrExpanded) {
  for (const char* value :
       {"", "ab#cd", "$HOME", "`id`", "a\"b", "a'b", "a\\b", "a\nb", "a\tb", "caf\xc3\xa9", "a!b", "~"}) {
    EXPECT_EQ(test::refusal([&] { sbatch_value(value, "account"); }).rfind("account: ", 0), 0U) << value;
  }
}

/// What bash makes of the word.
std::string through_bash(const std::string& word) {
  const std::string command = "printf %s " + word;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::array<char, 1024> buffer{};
  return {buffer.data(), std::fread(buffer.data(), 1, buffer.size(), pipe.get())};
}

TEST(BashWord, BashReadsTheSameBytes) {
  for (const char* word : {"plain/path.cfg", "with space", "$(touch /tmp/x)", "`id`", "a'b", "'", "a\"b", "a\\b", "a#b",
                           "*", "~", "caf\xc3\xa9", "", "!x", "-n", "a;b|c&d", "$x \"y\" \\ `z` 'w' !"}) {
    EXPECT_EQ(through_bash(bash_word(word, "config")), word);
  }
}

TEST(BashWord, LeavesPlainWordsBare) {
  EXPECT_EQ(bash_word("slurm/configs/a.cfg", "config"), "slurm/configs/a.cfg");
}

TEST(BashWord, RefusesLineBreaksAndOtherControlCharacters) {
  EXPECT_THROW(bash_word("a\nb", "config"), core::UsageError);
  EXPECT_THROW(bash_word("a\rb", "config"), core::UsageError);
  EXPECT_THROW(bash_word("a\x1b[0mb", "config"), core::UsageError);
}

}  // namespace
}  // namespace trainyard::batch

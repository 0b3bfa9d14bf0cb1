#include "report/text_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "report/format.h"
#include "report/sample_runs.h"

namespace trainyard::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Report sample_report() {
  Report report;
  report.runs = {testing::sample_summary("resnet18_fp32_1rank_with_a_long_name", 1, 100),
                 testing::sample_summary("resnet18_fp32_2rank", 2, 190)};
  report.runs[1].notes.push_back(
      "A note that is long enough to be wrapped on a narrow terminal, and then some more words.");
  report.scaling = find_scaling(report.runs);
  report.problems.push_back({"results/x/rank-00001.h5", "truncated"});
  report.log_files = 4;
  return report;
}

TEST(ToText, SaysWhatWasFound) {
  const std::string text = to_text(sample_report(), {});
  EXPECT_THAT(text, HasSubstr("2 runs from 4 timing logs"));
  EXPECT_THAT(text, HasSubstr("1.90x"));
  EXPECT_THAT(text, HasSubstr("95.0 %"));
  EXPECT_THAT(text, HasSubstr("weak"));
  EXPECT_THAT(text, HasSubstr("results/x/rank-00001.h5: truncated"));
  EXPECT_THAT(text, HasSubstr("Warm-up:"));
}

TEST(ToText, FitsTheTerminal) {
  for (const std::size_t width : {40U, 60U, 80U, 132U, 200U}) {
    std::istringstream lines(to_text(sample_report(), {.width = width, .colour = false, .unicode = true}));
    for (std::string line; std::getline(lines, line);)
      EXPECT_LE(display_width(line), width) << line;
  }
}

TEST(ToText, WritesOneLineARunWithoutALimit) {
  std::istringstream lines(to_text(sample_report(), {}));
  std::string line;
  while (std::getline(lines, line) && !line.starts_with("resnet18_fp32_2rank"))
    continue;
  EXPECT_THAT(line, HasSubstr("ddp"));
  EXPECT_THAT(line, HasSubstr("complete"));
}

TEST(ToText, ColoursAndUnicodeOnlyWhereAllowed) {
  EXPECT_THAT(to_text(sample_report(), {.colour = false}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(to_text(sample_report(), {.colour = true}), HasSubstr("\x1b["));
  const std::string ascii = to_text(sample_report(), {.width = 60, .colour = false, .unicode = false});
  EXPECT_TRUE(std::all_of(ascii.begin(), ascii.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }));
}

}  // namespace
}  // namespace trainyard::report

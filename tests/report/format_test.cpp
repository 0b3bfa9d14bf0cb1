#include "report/format.h"

#include <gtest/gtest.h>

#include <string>

#include "report/utf8.h"

namespace trainyard::report {
namespace {

TEST(CleanText, KeepsUnicodeAndReplacesWhatCouldDoHarm) {
  EXPECT_EQ(clean_text("r\xC3\xA9sum\xC3\xA9 \xE6\xA8\xA1\xE5\x9E\x8B"),
            "r\xC3\xA9sum\xC3\xA9 \xE6\xA8\xA1\xE5\x9E\x8B");
  EXPECT_EQ(clean_text("a\nb\tc"), "a b c");
  EXPECT_EQ(clean_text("\x1b[31mred"), "\xEF\xBF\xBD[31mred");                    // a terminal's escape
  EXPECT_EQ(clean_text("x\xE2\x80\xAEtxt"), "x\xEF\xBF\xBDtxt");                  // right-to-left override
  EXPECT_EQ(clean_text("\xFF\xC0\xAF"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // not UTF-8, overlong
  EXPECT_EQ(clean_text("\xED\xA0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // a surrogate
  EXPECT_EQ(clean_text(std::string("a\0b", 3)),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(clean_text("cut\xE2\x80"), "cut\xEF\xBF\xBD\xEF\xBF\xBD");  // ends within a character
}

TEST(CleanText, CutsBetweenCharacters) {
  EXPECT_EQ(clean_text("\xC3\xA9\xC3\xA9\xC3\xA9", 5), "\xC3\xA9\xC3\xA9\xE2\x80\xA6");
}

TEST(EscapeHtml, LeavesNoMarkup) {
  EXPECT_EQ(escape_html("<img src=x onerror='a(\"b\")'>&"),
            "&lt;img src=x onerror=&#39;a(&quot;b&quot;)&#39;&gt;&amp;");
}

TEST(NaturalLess, CountsDigits) {
  EXPECT_TRUE(natural_less("run2", "run10"));
  EXPECT_FALSE(natural_less("run10", "run2"));
  EXPECT_TRUE(natural_less("a1b2", "a1b10"));
  EXPECT_TRUE(natural_less("run", "run1"));
  EXPECT_FALSE(natural_less("run1", "run1"));
  EXPECT_NE(natural_less("run01", "run1"), natural_less("run1", "run01"));
}

TEST(Numbers, AreShownPlainly) {
  EXPECT_EQ(format_count(1234567), "1,234,567");
  EXPECT_EQ(format_count(-1234), "-1,234");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_significant(0.012345, 3), "0.0123");
  EXPECT_EQ(format_significant(9.996, 3), "10.0");
  EXPECT_EQ(format_significant(12345.6, 3), "12,346");
  EXPECT_EQ(format_significant(0.0, 3), "0");
  EXPECT_EQ(format_significant(1e300, 3), "1e+300");
  EXPECT_EQ(format_trimmed(2.50), "2.5");
  EXPECT_EQ(format_trimmed(20), "20");
  EXPECT_EQ(format_percent(0.98765), "98.8 %");
}

TEST(DisplayWidth, CountsTerminalColumns) {
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("\xE6\xA8\xA1\xE5\x9E\x8B"), 4U);  // two wide characters
  EXPECT_EQ(display_width("e\xCC\x81"), 1U);                 // a combining accent
}

TEST(ElideMiddle, KeepsBothEnds) {
  EXPECT_EQ(elide_middle("resnet34_fp16_2node", 11),
            "resne\xE2\x80\xA6"
            "2node");
  EXPECT_EQ(elide_middle("resnet34_fp16_2node", 12, false), "resne..2node");
  EXPECT_EQ(elide_middle("short", 11), "short");
  for (std::size_t width = 0; width < 12; ++width) {
    EXPECT_LE(
        display_width(elide_middle("\xE6\xA8\xA1\xE5\x9E\x8B\xE6\xA8\xA1\xE5\x9E\x8B\xE6\xA8\xA1\xE5\x9E\x8B", width)),
        width);
  }
}

}  // namespace
}  // namespace trainyard::report

#include "core/text.h"

#include <gmock/gmock.h>

#include <limits>

namespace trainyard::core {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

TEST(EditDistance, CountsEachKindOfEditOnce) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("epochs", "epohcs"), 1U);  // a swap of neighbours
  EXPECT_EQ(edit_distance("ca", "abc"), 3U);         // optimal string alignment; unrestricted would say 2
}

TEST(Nearest, FindsMisspellings) {
  const std::vector<std::string> keys{"batch-size", "bucket-mb", "epochs", "lr", "max-steps"};
  EXPECT_THAT(nearest("batchsize", keys), Optional(std::string("batch-size")));
  EXPECT_THAT(nearest("Batch_Size", keys), Optional(std::string("batch-size")));
  EXPECT_THAT(nearest("epohcs", keys), Optional(std::string("epochs")));
  EXPECT_THAT(nearest("max-step", keys), Optional(std::string("max-steps")));
}

TEST(Nearest, OffersNothingForAnotherWord) {
  const std::vector<std::string> keys{"epochs", "lr"};
  EXPECT_EQ(nearest("zzz", keys), std::nullopt);
  EXPECT_EQ(nearest("", keys), std::nullopt);
  EXPECT_EQ(nearest(std::string(1'000'000, 'e'), keys), std::nullopt);
  EXPECT_EQ(nearest("lr", std::span<const std::string>{}), std::nullopt);
}

TEST(Nearest, TakesTheFirstOfEquals) {
  const std::vector<std::string_view> keys{"abcx", "abcy"};
  EXPECT_THAT(nearest("abcz", keys), Optional(std::string("abcx")));
}

TEST(Split, KeepsEmptyParts) {
  EXPECT_THAT(split("a,,b", ','), ElementsAre("a", "", "b"));
  EXPECT_THAT(split("", ','), ElementsAre(""));
  EXPECT_THAT(split(",", ','), ElementsAre("", ""));
}

TEST(SplitWords, DropsWhiteSpace) {
  EXPECT_THAT(split_words("  fp32\t amp\n"), ElementsAre("fp32", "amp"));
  EXPECT_THAT(split_words(" \t "), IsEmpty());
}

TEST(Trim, LeavesTheInside) {
  EXPECT_EQ(trim("  a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
}

TEST(ParseNumber, TakesWholeNumbers) {
  EXPECT_THAT(parse_int64("-9223372036854775808"), Optional(std::numeric_limits<std::int64_t>::min()));
  EXPECT_THAT(parse_double("5e-3"), Optional(0.005));
  EXPECT_THAT(parse_double("-2"), Optional(-2.0));
}

TEST(ParseNumber, RefusesJunk) {
  for (const char* text : {"", " 3", "3 ", "3x", "0x10", "+3", "9223372036854775808", "1e3", "3.0", "--3"}) {
    EXPECT_EQ(parse_int64(text), std::nullopt) << text;
  }
  for (const char* text : {"inf", "-inf", "nan", "1e999", "1.5x", "", ".", "0x1p3", "1,5"}) {
    EXPECT_EQ(parse_double(text), std::nullopt) << text;
  }
}

TEST(FormatBytes, GivesThreeDigits) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1536), "1.50 KiB");
  EXPECT_EQ(format_bytes(std::uint64_t{25} << 20), "25.0 MiB");
  EXPECT_EQ(format_bytes((1 << 20) - 1), "1.00 MiB");
  EXPECT_EQ(format_bytes(std::numeric_limits<std::uint64_t>::max()), "16.0 EiB");
}

TEST(FormatDuration, ChoosesTheUnit) {
  EXPECT_EQ(format_duration_ns(0), "0 ns");
  EXPECT_EQ(format_duration_ns(999), "999 ns");
  EXPECT_EQ(format_duration_ns(12'345), "12.3 us");
  EXPECT_EQ(format_duration_ns(999'600), "1.00 ms");
  EXPECT_EQ(format_duration_ns(7'890'000'000), "7.89 s");
  EXPECT_EQ(format_duration_ns(59'960'000'000), "1 min 00 s");
  EXPECT_EQ(format_duration_ns(125'000'000'000), "2 min 05 s");
  EXPECT_EQ(format_duration_ns(3600LL * 1'000'000'000 * 3 + 240'000'000'000), "3 h 04 min");
  EXPECT_EQ(format_duration_ns(86400LL * 1'000'000'000 * 5), "5 d 00 h");
  EXPECT_EQ(format_duration_ns(-1500), "-1.50 us");
  EXPECT_EQ(format_duration_ns(std::numeric_limits<std::int64_t>::min()).front(), '-');
}

TEST(FormatRate, ChoosesThePrefix) {
  EXPECT_EQ(format_rate(123.4, "images"), "123 images/s");
  EXPECT_EQ(format_rate(9999, "images"), "9999 images/s");
  EXPECT_EQ(format_rate(12'345, "images"), "12.3 kimages/s");
  EXPECT_EQ(format_rate(2.5e9, "B"), "2.50 GB/s");
  EXPECT_EQ(format_rate(std::numeric_limits<double>::quiet_NaN(), "images"), "- images/s");
}

TEST(OneLine, FoldsBreaksAndControls) {
  EXPECT_EQ(one_line("a\nb"), "a b");
  EXPECT_EQ(one_line("  a \r\n\x1b[31m b\n"), "a [31m b");
  EXPECT_EQ(one_line("\n\n"), "");
}

TEST(TruncateUtf8, CutsBetweenCharacters) {
  EXPECT_EQ(truncate_utf8("abc", 5), "abc");
  EXPECT_EQ(truncate_utf8("abc", 2), "ab");
  EXPECT_EQ(truncate_utf8("a\u00e9", 2), "a");
  EXPECT_EQ(truncate_utf8("\u00e9", 2), "\u00e9");
}

}  // namespace
}  // namespace trainyard::core

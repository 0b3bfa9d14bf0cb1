#include "data/labelled_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "core/error.h"
#include "data/csv.h"
#include "support/temporary_folder.h"

namespace trainyard::data {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using Fields = std::vector<std::string>;

TEST(Csv, SplitsFieldsAndUndoesQuotes) {
  const auto records = parse_csv("a,b,\n\"x, \"\"y\"\"\",\"\",\"two\nlines\"\r\n\nlast", "f.csv");
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].fields, (Fields{"a", "b", ""}));
  EXPECT_EQ(records[1].fields, (Fields{"x, \"y\"", "", "two\nlines"}));
  EXPECT_EQ(records[1].line, 2u);
  EXPECT_EQ(records[2].fields, (Fields{"last"}));
  EXPECT_EQ(records[2].line, 5u);
  EXPECT_TRUE(parse_csv("\r\n\n", "f.csv").empty());
}

TEST(Csv, RefusesBrokenQuotes) {
  const auto expect_bad = [](const char* text, const char* why) {
    EXPECT_THAT([&] { parse_csv(text, "f.csv"); }, ThrowsMessage<core::Error>(HasSubstr(why))) << text;
  };
  expect_bad("a\n\"b\n\nc", "f.csv: line 2: a quote is not closed");
  expect_bad("a\nb\"c\"", "f.csv: line 2: a quote stands in the middle");
  expect_bad("\"a\"b,c", "f.csv: line 1: something stands between");
  expect_bad("\"", "a quote is not closed");
}

TEST(Sst2, ReadsSentencesAndLabels) {
  const auto texts = parse_sst2("sentence\tlabel\nwell made .\t1\r\n\ndull\t0", "train.tsv");
  ASSERT_EQ(texts.size(), 2u);
  EXPECT_EQ(texts[0].text, "well made .");
  EXPECT_EQ(texts[0].label, 1);
  EXPECT_EQ(texts[1].label, 0);
}

TEST(Sst2, NamesTheLineThatIsNone) {
  const auto expect_bad = [](const char* text, const char* why) {
    EXPECT_THAT([&] { parse_sst2(text, "train.tsv"); }, ThrowsMessage<core::Error>(HasSubstr(why))) << text;
  };
  expect_bad("a\t1\nb", "train.tsv: line 2 is not a sentence, a tab, and 0 or 1");
  expect_bad("a\t2", "line 1");
  expect_bad("a\t1\t1", "line 1");
  expect_bad("a\t1\nsentence\tlabel", "line 2");
  expect_bad("sentence\tlabel\n", "train.tsv: has no sentences");
}

TEST(Sst2, FindsItsFiles) {
  const testing::TemporaryFolder folder;
  EXPECT_THAT([&] { read_sst2(folder.path(), "data-dir"); },
              ThrowsMessage<core::UsageError>(AllOf(HasSubstr("data-dir = "), HasSubstr("train.tsv and dev.tsv"))));
  std::filesystem::create_directories(folder / "SST-2");
  std::ofstream(folder / "SST-2/train.tsv") << "good\t1\n";
  std::ofstream(folder / "SST-2/validation.tsv") << "bad\t0\nworse\t0\n";
  const TextFiles files = read_sst2(folder.path(), "data-dir");
  EXPECT_EQ(files.train.size(), 1u);
  EXPECT_EQ(files.validation.size(), 2u);
}

TEST(AgNews, JoinsTitleAndDescription) {
  const auto texts = parse_ag_news("\"4\",\"A \"\"title\"\"\",\"and, more\"\n1,,none", "train.csv");
  ASSERT_EQ(texts.size(), 2u);
  EXPECT_EQ(texts[0].text, "A \"title\" and, more");
  EXPECT_EQ(texts[0].label, 3);
  EXPECT_EQ(texts[1].text, "none");
  EXPECT_EQ(texts[1].label, 0);
}

TEST(AgNews, NamesTheLineThatIsNone) {
  for (const char* text :
       {"\"1\",\"a\nb\",c\n5,a,b", "\"1\",\"a\nb\",c\n0,a,b", "\"1\",\"a\nb\",c\n1,a", "1,a,b\n\nx,y,z"}) {
    EXPECT_THAT([&] { parse_ag_news(text, "train.csv"); },
                ThrowsMessage<core::Error>(HasSubstr("train.csv: line 3 is not a class from 1 to 4")))
        << text;
  }
  EXPECT_THROW(parse_ag_news("", "train.csv"), core::Error);
}

TEST(AgNews, KeepsATenthForValidationWithoutATestFile) {
  const testing::TemporaryFolder folder;
  EXPECT_THAT([&] { read_ag_news(folder.path(), "data-dir"); },
              ThrowsMessage<core::UsageError>(HasSubstr("*train*.csv")));
  std::ofstream train(folder / "train_25.csv");
  for (int i = 0; i < 25; ++i)
    train << "1,," << i << "\n";
  train.close();
  TextFiles files = read_ag_news(folder.path(), "data-dir");
  EXPECT_EQ(files.train.size(), 23u);
  ASSERT_EQ(files.validation.size(), 2u);
  EXPECT_EQ(files.validation[0].text, "9");
  EXPECT_EQ(files.train[9].text, "10");
  std::ofstream(folder / "test.csv") << "2,,x\n";
  files = read_ag_news(folder.path(), "data-dir");
  EXPECT_EQ(files.train.size(), 25u);
  EXPECT_EQ(files.validation.size(), 1u);
}

TEST(LabelledText, ReadsTheRealFiles) {
  const char* data = std::getenv("TRAINYARD_DATA");
  if (data == nullptr) GTEST_SKIP() << "skipped: no data (TRAINYARD_DATA)";
  const TextFiles sst2 = read_sst2(data, "TRAINYARD_DATA");
  EXPECT_EQ(sst2.train.size(), 6920u);
  EXPECT_EQ(sst2.validation.size(), 872u);
  const TextFiles news = read_ag_news(data, "TRAINYARD_DATA");
  EXPECT_EQ(news.train.size(), 4500u);
  EXPECT_EQ(news.validation.size(), 500u);
}

}  // namespace
}  // namespace trainyard::data

#include <gtest/gtest.h>

#include "data/csv.h"
#include "data/labelled_text.h"
#include "data/text_pieces.h"
#include "data/tokenizer.h"
#include "small_tokenizer.h"
#include "support/fuzz.h"

namespace trainyard::data {
namespace {

using testing::fuzz;

TEST(TextFuzz, Vocabulary) {
  fuzz({test::vocabulary_json({"ab", "abc"}), "{\"<s>\": 0, \"a\": 1}"},
       [](const std::string& text) { parse_vocabulary(text, "vocab.json"); });
}

TEST(TextFuzz, Merges) {
  const Vocabulary vocabulary = parse_vocabulary(test::vocabulary_json({"ab", "abc", "bc", "Ġab"}), "vocab.json");
  fuzz({"#version: 0.2\na b\nab c\nb c\nĠ ab\n", "a b\r\nab c\r\n"},
       [&](const std::string& text) { parse_merges(text, vocabulary, "merges.txt"); });
}

TEST(TextFuzz, AnyTextIsItsPieces) {
  fuzz({"Hello world! I'll don't \u00a0 naïve 日本語 \n\n 12Ⅷ", "\xf0\x9f\x99\x82 a  'T 's"},
       [](const std::string& text) {
         std::string joined;
         for (std::string_view rest = text; !rest.empty();)
           joined += take_piece(rest);
         ASSERT_EQ(joined, text);
       });
}

TEST(TextFuzz, AnyTextIsItsTokens) {
  const Vocabulary vocabulary = parse_vocabulary(test::vocabulary_json({"ab", "abc"}), "vocab.json");
  Tokenizer tokenizer(vocabulary, parse_merges("a b\nab c\n", vocabulary, "merges.txt"));
  fuzz({"abc ababab <mask> <s>", "\xff'll  abc</s>"}, [&](const std::string& text) {
    const auto ids = tokenizer.encode(text, 1 << 20);
    const auto cut_off = tokenizer.encode(text, 7);
    ASSERT_LE(cut_off.size(), 7u);
    ASSERT_TRUE(std::equal(cut_off.begin(), cut_off.end() - 1, ids.begin()));
  });
}

TEST(TextFuzz, Csv) {
  fuzz({"\"1\",\"a \"\"b\"\"\",\"c, d\"\r\n2,e,f\n", "3,\"two\nlines\",x\n"}, [](const std::string& text) {
    parse_csv(text, "f.csv");
    parse_ag_news(text, "f.csv");
  });
}

TEST(TextFuzz, Tsv) {
  fuzz({"sentence\tlabel\ngood .\t1\r\nbad\t0", "a\t0\n"}, [](const std::string& text) { parse_sst2(text, "f.tsv"); });
}

}  // namespace
}  // namespace trainyard::data

#include "data/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "small_tokenizer.h"
#include "support/temporary_folder.h"

namespace trainyard::data {
namespace {

using test::vocabulary_json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using Ids = std::vector<std::int32_t>;

constexpr std::int64_t kLong = 512;
constexpr std::int32_t kBytes = 5;     // id of byte 0
constexpr std::int32_t kTokens = 261;  // id of the first token of several bytes

/// Of "ab", "abc", "Ġab" (with a blank) and "bc"; merges: a b, ab c, b c, Ġ ab.
Tokenizer small() {
  const Vocabulary vocabulary = parse_vocabulary(vocabulary_json({"ab", "abc", "Ġab", "bc"}), "vocab.json");
  return {vocabulary, parse_merges("#version: 0.2\na b\nab c\nb c\nĠ ab\n", vocabulary, "merges.txt")};
}

TEST(Tokenizer, GivesTheIdsOfTheReference) {
  const char* data = std::getenv("TRAINYARD_DATA");
  if (data == nullptr) GTEST_SKIP() << "skipped: no data (TRAINYARD_DATA)";
  const std::filesystem::path folder = std::filesystem::path(data) / "text" / "roberta-tokenizer";
  Tokenizer tokenizer = Tokenizer::read(folder);
  EXPECT_EQ(tokenizer.vocabulary(), 50'265);
  EXPECT_EQ(tokenizer.padding(), 1);
  const auto cases = nlohmann::json::parse(std::ifstream(folder / "reference.json")).at("cases");
  ASSERT_GE(cases.size(), 100u);
  for (const auto& one : cases)
    EXPECT_EQ(tokenizer.encode(one["text"].get<std::string>(), 1 << 20), one["roberta_ids"].get<Ids>()) << one["text"];
}

TEST(Tokenizer, MergesTheMostImportantPairFirst) {
  Tokenizer tokenizer = small();
  EXPECT_EQ(tokenizer.encode("abc", kLong), (Ids{0, kTokens + 1, 2}));
  EXPECT_EQ(tokenizer.encode("bc abab", kLong), (Ids{0, kTokens + 3, kTokens + 2, kTokens, 2}));
  EXPECT_EQ(tokenizer.encode("aab", kLong), (Ids{0, kBytes + 'a', kTokens, 2}));
  EXPECT_EQ(tokenizer.encode("", kLong), (Ids{0, 2}));
}

TEST(Tokenizer, CutsLongTextsOff) {
  Tokenizer tokenizer = small();
  EXPECT_EQ(tokenizer.encode("abababab", 5), (Ids{0, kTokens, kTokens, kTokens, 2}));
  EXPECT_EQ(tokenizer.encode("ababab", 5), (Ids{0, kTokens, kTokens, kTokens, 2}));
  EXPECT_EQ(tokenizer.encode("ab<mask>ab", 3), (Ids{0, kTokens, 2}));
  EXPECT_EQ(tokenizer.encode("ab", 2), (Ids{0, 2}));
}

TEST(Tokenizer, TakesSpecialTokensOutOfTheText) {
  Tokenizer tokenizer = small();
  EXPECT_EQ(tokenizer.encode("ab <mask> ab</s>", kLong), (Ids{0, kTokens, 4, kTokens + 2, 2, 2}));
  EXPECT_EQ(tokenizer.encode("<<pad>", kLong), (Ids{0, kBytes + '<', 1, 2}));
}

TEST(Tokenizer, TakesAnyBytes) {
  Tokenizer tokenizer = small();
  EXPECT_EQ(tokenizer.encode("\xff\x01", kLong), (Ids{0, kBytes + 255, kBytes + 1, 2}));
}

TEST(Tokenizer, TakesALongWordInLittleTime) {
  Tokenizer tokenizer = small();
  std::string word;
  for (int i = 0; i < 200'000; ++i)
    word += "ab";
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(tokenizer.encode(word, 1 << 20).size(), 200'002u);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));  // quadratic would be hours
}

TEST(Tokenizer, NamesTheFileThatAFolderLacks) {
  const testing::TemporaryFolder folder;
  EXPECT_THAT([&] { Tokenizer::read(folder.path()); },
              ThrowsMessage<core::UsageError>(AllOf(HasSubstr("tokenizer = "), HasSubstr("has no vocab.json"))));
  std::ofstream(folder / "vocab.json") << vocabulary_json();
  EXPECT_THAT([&] { Tokenizer::read(folder.path()); }, ThrowsMessage<core::UsageError>(HasSubstr("has no merges.txt")));
  std::ofstream(folder / "merges.txt") << "";
  EXPECT_EQ(Tokenizer::read(folder.path()).encode("a", kLong), (Ids{0, kBytes + 'a', 2}));
}

void expect_bad_vocabulary(const std::string& json, const char* why) {
  EXPECT_THAT([&] { parse_vocabulary(json, "vocab.json"); },
              ThrowsMessage<core::Error>(AllOf(HasSubstr("vocab.json"), HasSubstr(why))));
}

TEST(TokenizerFiles, RefuseADamagedVocabulary) {
  expect_bad_vocabulary("", "is not a JSON object");
  expect_bad_vocabulary("[1]", "is not a JSON object");
  expect_bad_vocabulary(vocabulary_json().substr(0, 100), "is not a JSON object");
  expect_bad_vocabulary(R"({"a": "1"})", "the id of token 'a'");
  expect_bad_vocabulary(R"({"a": -1})", "the id of token 'a'");
  expect_bad_vocabulary(R"({"a": 99999999999999999999})", "the id of token 'a'");
  expect_bad_vocabulary(R"({"a": 4194304})", "the id of token 'a' is not a number below 4194304");
  expect_bad_vocabulary(R"({"a": 7, "b": 7})", "id 7 of token 'b' has another token, too");
  expect_bad_vocabulary(R"({"a b": 7})", "token 'a b' is not written in the alphabet");
  expect_bad_vocabulary(R"({"": 7})", "token '' is not");
  expect_bad_vocabulary(R"({"<s>": 0, "<pad>": 1, "</s>": 2, "a": 3})", "byte 0x00 has no token");
  std::string headless = vocabulary_json();
  headless.replace(headless.find("<pad>"), 5, "xpadx");
  expect_bad_vocabulary(headless, "token <pad> is missing");
}

TEST(TokenizerFiles, RefuseDamagedMerges) {
  const Vocabulary vocabulary = parse_vocabulary(vocabulary_json({"ab"}), "vocab.json");
  const auto expect_bad = [&](const char* text, const char* why) {
    EXPECT_THAT([&] { parse_merges(text, vocabulary, "merges.txt"); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr("merges.txt: line 2"), HasSubstr(why))));
  };
  expect_bad("#version\na", "is not two tokens");
  expect_bad("#version\na b c", "is not two tokens");
  expect_bad("a b\n\xff b", "is not written in the alphabet");
  expect_bad("a b\nxy b", "the vocabulary has no token 'xy'");
  expect_bad("a b\nb a", "the vocabulary has no token 'ba'");
  expect_bad("a b\na b", "an earlier line");
  expect_bad("a b\n#version: 0.2", "the vocabulary has no token");
  EXPECT_EQ(parse_merges("#version: 0.2\r\n\r\na b\r\n", vocabulary, "merges.txt").size(), 1u);
}

}  // namespace
}  // namespace trainyard::data

#include "data/text_pieces.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace trainyard::data {
namespace {

using Pieces = std::vector<std::string>;

Pieces pieces(std::string_view text) {
  Pieces all;
  while (!text.empty())
    all.emplace_back(take_piece(text));
  return all;
}

// Expected values: Python's regex.findall() of the expression in text_pieces.h.
TEST(TextPieces, AreWordsNumbersAndTheRestWithTheBlankBefore) {
  EXPECT_EQ(pieces("Hello world!"), (Pieces{"Hello", " world", "!"}));
  EXPECT_EQ(pieces(" a1b22 ..."), (Pieces{" a", "1", "b", "22", " ..."}));
  EXPECT_EQ(pieces("x\ty"), (Pieces{"x", "\t", "y"}));
}

TEST(TextPieces, LeaveTheLastWhiteSpaceToTheNextWord) {
  EXPECT_EQ(pieces("a   b"), (Pieces{"a", "  ", " b"}));
  EXPECT_EQ(pieces("a \n\nb"), (Pieces{"a", " \n", "\n", "b"}));
  EXPECT_EQ(pieces("a  "), (Pieces{"a", "  "}));
  EXPECT_EQ(pieces(" "), (Pieces{" "}));
}

TEST(TextPieces, SplitContractionsOfLowerCase) {
  EXPECT_EQ(pieces("I'll don't we've 'DRE"), (Pieces{"I", "'ll", " don", "'t", " we", "'ve", " '", "DRE"}));
  EXPECT_EQ(pieces("it''s 's"), (Pieces{"it", "''", "s", " '", "s"}));
}

TEST(TextPieces, KnowUnicodesClasses) {
  EXPECT_EQ(pieces("naïve Ⅷ½ 日本語"), (Pieces{"naïve", " Ⅷ½", " 日本語"}));
  EXPECT_EQ(pieces("a\u00a0\u2003b"), (Pieces{"a", "\u00a0", "\u2003", "b"}));
  EXPECT_EQ(pieces("e\u0301 🙂🙃"), (Pieces{"e", "\u0301", " 🙂🙃"}));  // a combining accent is no letter
}

TEST(TextPieces, PassBytesOnThatAreNoUtf8) {
  EXPECT_EQ(pieces("a\xff\xfe b\xc3"), (Pieces{"a", "\xff\xfe", " b", "\xc3"}));
}

}  // namespace
}  // namespace trainyard::data

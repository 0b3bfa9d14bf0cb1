#pragma once

#include <string_view>

namespace trainyard::data {

/// Takes the next piece off the front of a text, as the regular expression of GPT-2's tokenizer cuts it (Radford et al.
/// 2019; openai/gpt-2, encoder.py): 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
/// with Unicode's letters, numbers and white space. A byte that is no UTF-8 is none of the three. The pieces of a text
/// are the whole text. text: not empty.
std::string_view take_piece(std::string_view& text);

}  // namespace trainyard::data

#pragma once

#include <initializer_list>
#include <string>

#include "data/tokenizer_files.h"

/// A tokenizer's files for tests without RoBERTa's.
namespace trainyard::test {

/// A byte in GPT-2's alphabet, as UTF-8.
inline std::string letter_of(int byte) {
  static const std::string kOthers = [] {
    std::string others;  // bytes that do not print, in their order
    for (int other = 0; other < 256; ++other) {
      if (!((other >= '!' && other <= '~') || (other >= 0xa1 && other <= 0xac) || other >= 0xae))
        others.push_back(static_cast<char>(other));
    }
    return others;
  }();
  const std::size_t place = kOthers.find(static_cast<char>(byte));
  const int code = place == std::string::npos ? byte : 256 + static_cast<int>(place);
  if (code < 0x80) return {static_cast<char>(code)};
  return {static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 0x3f))};
}

/// vocab.json: <s> 0, <pad> 1, </s> 2, <unk> 3, <mask> 4, byte b 5 + b, then `more` from 261 on.
inline std::string vocabulary_json(std::initializer_list<const char*> more = {}) {
  std::string json = R"({"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4)";
  auto add = [&, id = 5](const std::string& token) mutable {
    const std::string escaped = token == "\"" || token == "\\" ? "\\" + token : token;
    json += ", \"" + escaped + "\": " + std::to_string(id++);
  };
  for (int byte = 0; byte < 256; ++byte)
    add(letter_of(byte));
  for (const char* token : more)
    add(token);
  return json + "}";
}

}  // namespace trainyard::test

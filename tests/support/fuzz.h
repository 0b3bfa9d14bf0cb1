#pragma once

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace trainyard::testing {

/// How many inputs a fuzz test tries: $TRAINYARD_FUZZ_RUNS, or few enough for every test run.
inline std::int64_t fuzz_runs(std::int64_t brief = 3000) {
  const char* runs = std::getenv("TRAINYARD_FUZZ_RUNS");
  return runs != nullptr ? std::atoll(runs) : brief;
}

/// A file that was damaged on its way: a few bytes flipped, runs cut out, doubled or replaced by what parsers trip
/// over.
inline std::string damaged(std::string content, std::mt19937_64& random) {
  static const std::vector<std::string_view> kTraps{std::string_view("\0", 1),
                                                    "\xff",
                                                    "\xc3",
                                                    "\n",
                                                    "\r\n",
                                                    "\"",
                                                    "\"\"",
                                                    ",",
                                                    "\t",
                                                    "-1",
                                                    "0",
                                                    "1e999",
                                                    "18446744073709551615",
                                                    "9223372036854775808",
                                                    "null",
                                                    "{}",
                                                    "[[[[[[[[",
                                                    "\xf4\x90\x80\x80",
                                                    " "};
  const auto below = [&](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
  for (std::size_t change = below(6) + 1; change > 0; --change) {
    const std::size_t at = below(content.size() + 1);
    switch (below(6)) {
      case 0:
        if (at < content.size()) content[at] = static_cast<char>(random());
        break;
      case 1:
        content.resize(at);
        break;
      case 2:
        content.erase(at, below(40));
        break;
      case 3:
        content.insert(at, content.substr(below(content.size() + 1), below(40)));
        break;
      default:
        content.insert(at, kTraps[below(kTraps.size())]);
    }
  }
  return content;
}

/// Feeds a parser damaged files: it must take each or refuse it with a core::Error; anything else ends the test.
inline void fuzz(const std::vector<std::string>& files, const std::function<void(const std::string&)>& parse,
                 std::int64_t runs = fuzz_runs()) {
  std::mt19937_64 random(files.size());
  for (std::int64_t run = 0; run < runs; ++run) {
    const std::string content = damaged(files[static_cast<std::size_t>(random() % files.size())], random);
    try {
      parse(content);
    } catch (const core::Error&) {
    }
  }
}

}  // namespace trainyard::testing

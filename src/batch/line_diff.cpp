#include "batch/line_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/text.h"

namespace trainyard::batch {
namespace {

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines = core::split(text, '\n');
  if (lines.back().empty()) lines.pop_back();
  return lines;
}

}  // namespace

std::string line_diff(std::string_view old_text, std::string_view new_text, std::string_view old_name,
                      std::string_view new_name) {
  if (old_text == new_text) return {};
  const std::vector<std::string_view> old_lines = lines_of(old_text);
  const std::vector<std::string_view> new_lines = lines_of(new_text);
  // common[i][j]: length of the longest common subsequence of the lines from i and from j on.
  std::vector<std::vector<std::size_t>> common(old_lines.size() + 1, std::vector<std::size_t>(new_lines.size() + 1));
  for (std::size_t i = old_lines.size(); i-- > 0;) {
    for (std::size_t j = new_lines.size(); j-- > 0;) {
      common[i][j] =
          old_lines[i] == new_lines[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  std::string text = fmt::format("--- {}\n+++ {}\n", old_name, new_name);
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < old_lines.size() || j < new_lines.size()) {
    if (i < old_lines.size() && j < new_lines.size() && old_lines[i] == new_lines[j]) {
      text += fmt::format(" {}\n", old_lines[i]);
      ++i;
      ++j;
    } else if (i < old_lines.size() && (j == new_lines.size() || common[i + 1][j] >= common[i][j + 1])) {
      text += fmt::format("-{}\n", old_lines[i++]);
    } else {
      text += fmt::format("+{}\n", new_lines[j++]);
    }
  }
  return text;
}

}  // namespace trainyard::batch

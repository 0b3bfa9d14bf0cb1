#include "core/json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "core/error.h"
#include "core/file.h"

namespace trainyard::core {

namespace {

/// The parser recurses for every level; files of ours nest a handful.
constexpr int kMaxDepth = 200;

}  // namespace

nlohmann::json read_json_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  const std::string text = read_file(path, max_bytes);
  bool too_deep = false;
  try {
    auto value = nlohmann::json::parse(text, [&](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
      too_deep = too_deep || depth > kMaxDepth;
      return !too_deep;
    });
    if (too_deep) throw Error(path.string() + ": JSON nested deeper than " + std::to_string(kMaxDepth) + " levels");
    return value;
  } catch (const nlohmann::json::parse_error& error) {
    const std::size_t at = std::min<std::size_t>(error.byte == 0 ? 0 : error.byte - 1, text.size());
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    const std::size_t line_start = at == 0 ? std::string::npos : text.rfind('\n', at - 1);
    const std::size_t column = line_start == std::string::npos ? at + 1 : at - line_start;
    throw Error(path.string() + ":" + std::to_string(line) + ":" + std::to_string(column) + ": not valid JSON");
  }
}

}  // namespace trainyard::core

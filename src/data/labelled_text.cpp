#include "data/labelled_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "data/csv.h"

namespace trainyard::data {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxFile = std::uint64_t{1} << 30;
constexpr std::int64_t kAgNewsClasses = 4;
constexpr std::size_t kValidationEvery = 10;

std::optional<fs::path> existing(const fs::path& file) {
  std::error_code ignored;
  return fs::is_regular_file(file, ignored) ? std::optional(file) : std::nullopt;
}

/// The first file by name in a folder whose name has `part` in it and ends in `extension`.
std::optional<fs::path> file_like(const fs::path& folder, std::string_view part, std::string_view extension) {
  std::optional<fs::path> first;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.ends_with(extension) || name.find(part) == std::string::npos || !existing(entry->path())) continue;
    if (!first || entry->path() < *first) first = entry->path();
  }
  return first;
}

std::string read(const fs::path& file) {
  return core::read_file(file, kMaxFile);
}

}  // namespace

TextFiles read_sst2(const fs::path& folder, const std::string& source) {
  for (const char* below : {"", "sst2", "SST-2", "text/sst2"}) {
    const auto train = existing(folder / below / "train.tsv");
    auto validation = existing(folder / below / "dev.tsv");
    if (!validation) validation = existing(folder / below / "validation.tsv");
    if (train && validation) {
      return {parse_sst2(read(*train), train->string()), parse_sst2(read(*validation), validation->string())};
    }
  }
  throw core::UsageError(fmt::format(
      "{} = {}: neither the folder nor sst2, SST-2 or text/sst2 in it has train.tsv and dev.tsv (or validation.tsv)",
      source, folder.string()));
}

std::vector<LabelledText> parse_sst2(std::string_view tsv, const std::string& file) {
  std::vector<LabelledText> texts;
  std::size_t number = 0;
  while (!tsv.empty()) {
    std::string_view line = tsv.substr(0, tsv.find('\n'));
    tsv.remove_prefix(std::min(tsv.size(), line.size() + 1));
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || (number == 1 && line == "sentence\tlabel")) continue;
    const std::vector<std::string_view> fields = core::split(line, '\t');
    if (fields.size() != 2 || (fields[1] != "0" && fields[1] != "1")) {
      throw core::Error(fmt::format("{}: line {} is not a sentence, a tab, and 0 or 1", file, number));
    }
    texts.push_back({std::string(fields[0]), fields[1] == "1" ? 1 : 0});
  }
  if (texts.empty()) throw core::Error(fmt::format("{}: has no sentences", file));
  return texts;
}

TextFiles read_ag_news(const fs::path& folder, const std::string& source) {
  for (const char* below : {"", "ag_news", "ag-news", "ag_news_csv", "text/ag_news"}) {
    const fs::path place = folder / below;
    auto train = existing(place / "train.csv");
    if (!train) train = file_like(place, "train", ".csv");
    if (!train) continue;
    auto test = existing(place / "test.csv");
    if (!test) test = file_like(place, "test", ".csv");
    TextFiles texts{parse_ag_news(read(*train), train->string()), {}};
    if (test) {
      texts.validation = parse_ag_news(read(*test), test->string());
      return texts;
    }
    std::vector<LabelledText> kept;
    for (std::size_t i = 0; i < texts.train.size(); ++i)
      (i % kValidationEvery == kValidationEvery - 1 ? texts.validation : kept).push_back(std::move(texts.train[i]));
    if (texts.validation.empty()) {
      throw core::Error(fmt::format("{}: has fewer than {} records, and there is no *test*.csv beside it",
                                    train->string(), kValidationEvery));
    }
    texts.train = std::move(kept);
    return texts;
  }
  throw core::UsageError(fmt::format(
      "{} = {}: neither the folder nor ag_news, ag-news, ag_news_csv or text/ag_news in it has a *train*.csv", source,
      folder.string()));
}

std::vector<LabelledText> parse_ag_news(std::string_view csv, const std::string& file) {
  std::vector<LabelledText> texts;
  for (const CsvRecord& record : parse_csv(csv, file)) {
    const auto number = record.fields.size() == 3 ? core::parse_int64(record.fields[0]) : std::nullopt;
    if (!number || *number < 1 || *number > kAgNewsClasses) {
      throw core::Error(fmt::format("{}: line {} is not a class from 1 to {}, a title and a description", file,
                                    record.line, kAgNewsClasses));
    }
    const std::string& title = record.fields[1];
    texts.push_back({title.empty() ? record.fields[2] : title + " " + record.fields[2], *number - 1});
  }
  if (texts.empty()) throw core::Error(fmt::format("{}: has no records", file));
  return texts;
}

}  // namespace trainyard::data

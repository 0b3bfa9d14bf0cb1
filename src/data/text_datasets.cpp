#include "data/text_datasets.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "config/enum_names.h"
#include "core/error.h"
#include "data/data_folder.h"
#include "data/labelled_text.h"
#include "data/packed_tokens.h"
#include "data/synthetic_text.h"
#include "data/text_dataset.h"
#include "data/tokenizer.h"

namespace trainyard::data {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSst2Classes = 2;
constexpr std::int64_t kAgNewsClasses = 4;

/// The folder that `weights` names or that its file lies in; empty without weights.
fs::path folder_of_weights(const fs::path& weights) {
  std::error_code ignored;
  if (weights.empty() || fs::is_directory(weights, ignored)) return weights;
  return weights.has_parent_path() ? weights.parent_path() : ".";
}

fs::path tokenizer_folder(const config::RunConfig& config, const fs::path& data_folder) {
  if (!config.tokenizer.empty()) return config.tokenizer;
  for (const fs::path& folder : {folder_of_weights(config.weights), data_folder, data_folder / "roberta-tokenizer",
                                 data_folder / "text/roberta-tokenizer"}) {
    std::error_code ignored;
    if (!folder.empty() && fs::exists(folder / "merges.txt", ignored)) return folder;
  }
  throw core::UsageError(
      fmt::format("data = {} needs a tokenizer: set the key tokenizer to a folder with RoBERTa's vocab.json and "
                  "merges.txt (there is none in {})",
                  config::name_of(config.data), data_folder.string()));
}

Datasets tokenised(const config::RunConfig& config, std::int64_t classes, const fs::path& folder,
                   const TextFiles& texts) {
  Tokenizer tokenizer = Tokenizer::read(tokenizer_folder(config, folder));
  const std::string name(config::name_of(config.data));
  return {.train = std::make_shared<TextDataset>(name, classes, texts.train, tokenizer, config.max_length),
          .validation = std::make_shared<TextDataset>(name, classes, texts.validation, tokenizer, config.max_length)};
}

Datasets open_synthetic_text(const config::RunConfig& config) {
  SyntheticTextOptions options{
      .max_length = config.max_length, .first = 0, .samples = config.samples, .seed = config.seed};
  auto train = std::make_shared<SyntheticText>(options);
  options.first = config.samples;
  options.samples = validation_samples(config);
  return {.train = std::move(train), .validation = std::make_shared<SyntheticText>(options)};
}

}  // namespace

Datasets open_text(const config::RunConfig& config) {
  if (const auto packed = packed_file(config)) {
    return open_packed_tokens(PackedFile(*packed, config::name_of(config.data)), config.max_length);
  }
  switch (config.data) {
    case config::Data::kSst2: {
      const DataFolder folder = data_folder(config);
      return tokenised(config, kSst2Classes, folder.path, read_sst2(folder.path, folder.source));
    }
    case config::Data::kAgNews: {
      const DataFolder folder = data_folder(config);
      return tokenised(config, kAgNewsClasses, folder.path, read_ag_news(folder.path, folder.source));
    }
    case config::Data::kSynthetic:
      return open_synthetic_text(config);
    case config::Data::kDigits:
    case config::Data::kCifar10:
    case config::Data::kSvhn:
    case config::Data::kTinyImageNet:
      break;
  }
  throw core::Error("data: has no text");
}

}  // namespace trainyard::data

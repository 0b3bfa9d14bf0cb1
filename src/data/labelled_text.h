#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace trainyard::data {

struct LabelledText {
  std::string text;
  std::int64_t label = 0;
};

/// The two parts of a set of texts.
struct TextFiles {
  std::vector<LabelledText> train;
  std::vector<LabelledText> validation;
};

/// Reads the SST-2 files (Socher et al. 2013, "Recursive Deep Models for Semantic Compositionality Over a Sentiment
/// Treebank") of `folder`, or of its subfolder sst2, SST-2 or text/sst2: train.tsv, and dev.tsv or validation.tsv.
/// source: the key or variable that named the folder.
/// @throws core::UsageError naming the folder and what it lacks, core::Error naming the file and line of a defect.
TextFiles read_sst2(const std::filesystem::path& folder, const std::string& source);
/// Lines of `sentence<TAB>label`, label 0 (negative) or 1; GLUE's header line is passed by.
std::vector<LabelledText> parse_sst2(std::string_view tsv, const std::string& file);

/// Reads the AG News files (Zhang et al. 2015, arXiv:1509.01626) of `folder`, or of its subfolder ag_news, ag-news,
/// ag_news_csv or text/ag_news: train.csv and test.csv, or else the first *train*.csv and *test*.csv by name. Where
/// there is none to test with, every tenth text is for validation. Throws as read_sst2().
TextFiles read_ag_news(const std::filesystem::path& folder, const std::string& source);
/// Records of class (1 to 4), title, description; the text is both, with a blank between them.
std::vector<LabelledText> parse_ag_news(std::string_view csv, const std::string& file);

}  // namespace trainyard::data

#include "data/text_dataset.h"

#include <algorithm>
#include <utility>

namespace trainyard::data {

TextDataset::TextDataset(std::string name, std::int64_t classes, std::span<const LabelledText> texts,
                         Tokenizer& tokenizer, std::int64_t max_length)
    : TokenDataset({.name = std::move(name),
                    .classes = classes,
                    .vocabulary = tokenizer.vocabulary(),
                    .padding = tokenizer.padding(),
                    .max_length = max_length}),
      ends_{0} {
  for (const LabelledText& text : texts) {
    const std::vector<std::int32_t> ids = tokenizer.encode(text.text, max_length);
    tokens_.insert(tokens_.end(), ids.begin(), ids.end());
    ends_.push_back(static_cast<std::int64_t>(tokens_.size()));
    labels_.push_back(text.label);
  }
}

void TextDataset::write_tokens(std::int64_t index, std::int64_t* out) const {
  std::copy_n(tokens_.begin() + ends_[number(index)], length(index), out);
}

}  // namespace trainyard::data

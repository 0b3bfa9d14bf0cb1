#pragma once

#include "data/dataset.h"

namespace trainyard::data {

struct SyntheticTextOptions {
  std::int64_t max_length = 128;
  std::int64_t first = 0;  ///< index, in the endless sequence of the seed, of the data set's sample 0
  std::int64_t samples = 0;
  std::uint64_t seed = 0;
};

/// Token sequences that are a pure function of (seed, index) and never stored, for runs without data. Lengths are
/// uniform from a quarter of max_length to all of it. The vocabulary has 1,000 tokens, with <s>, <pad> and </s> where
/// RoBERTa has them (0, 1, 2); one token in four is of a few that its class alone uses, the others are of all: a model
/// that learns sees its loss fall. 2 classes.
class SyntheticText final : public TokenDataset {
 public:
  explicit SyntheticText(const SyntheticTextOptions& options);

  std::int64_t size() const override { return options_.samples; }
  std::int64_t label(std::int64_t index) const override;
  std::int64_t length(std::int64_t index) const override;
  void write_tokens(std::int64_t index, std::int64_t* out) const override;

 private:
  std::uint64_t key(std::int64_t index) const;

  SyntheticTextOptions options_;
};

}  // namespace trainyard::data

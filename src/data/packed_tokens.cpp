#include "data/packed_tokens.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "core/error.h"
#include "data/dataset.h"

namespace trainyard::data {
namespace {

using core::hdf5::Element;
using core::hdf5::Group;

void write_part(core::hdf5::File& root, std::string_view name, const TokenDataset& data) {
  Group group = root.create_group(name);
  std::vector<std::int64_t> labels;
  std::vector<std::int64_t> offsets{0};
  for (std::int64_t i = 0; i < data.size(); ++i) {
    labels.push_back(data.label(i));
    offsets.push_back(offsets.back() + data.length(i));
  }
  write_numbers(group, "labels", labels);
  write_numbers(group, "offsets", offsets);
  BlockWriter block(group, "token_ids", Element::kInt32, {static_cast<std::uint64_t>(offsets.back())});
  std::vector<std::int64_t> ids(static_cast<std::size_t>(data.info().max_length));
  for (std::int64_t i = 0; i < data.size(); ++i) {
    data.write_tokens(i, ids.data());
    const std::vector<std::int32_t> narrow(ids.begin(), ids.begin() + data.length(i));
    block.append(std::as_bytes(std::span(narrow)));
  }
}

/// One part of a packed file.
class PackedTokens final : public TokenDataset {
 public:
  PackedTokens(TokenInfo info, std::shared_ptr<const MappedFile> mapping, std::vector<std::int64_t> labels,
               std::vector<std::int64_t> offsets, std::span<const std::uint8_t> ids)
      : TokenDataset(std::move(info)),
        mapping_(std::move(mapping)),
        labels_(std::move(labels)),
        offsets_(std::move(offsets)),
        ids_(ids) {}

  std::int64_t size() const override { return static_cast<std::int64_t>(labels_.size()); }
  std::int64_t label(std::int64_t index) const override { return labels_[static_cast<std::size_t>(index)]; }
  std::int64_t length(std::int64_t index) const override { return std::min(stored(index), info().max_length); }
  void write_tokens(std::int64_t index, std::int64_t* out) const override {
    const std::int64_t first = offsets_[static_cast<std::size_t>(index)];
    const std::int64_t count = length(index);
    for (std::int64_t i = 0; i + 1 < count; ++i)
      out[i] = id(first + i);
    out[count - 1] = id(first + stored(index) - 1);
  }

 private:
  std::int64_t stored(std::int64_t index) const {
    const auto place = static_cast<std::size_t>(index);
    return offsets_[place + 1] - offsets_[place];
  }
  std::int32_t id(std::int64_t place) const {
    std::int32_t id = 0;
    std::memcpy(&id, ids_.data() + static_cast<std::size_t>(place) * sizeof(id), sizeof(id));
    return id;
  }

  std::shared_ptr<const MappedFile> mapping_;
  std::vector<std::int64_t> labels_;
  std::vector<std::int64_t> offsets_;
  std::span<const std::uint8_t> ids_;  ///< int32, aligned to nothing
};

void check_ids(std::span<const std::uint8_t> bytes, std::int64_t vocabulary, const std::string& where) {
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::int32_t)) {
    std::int32_t id = 0;
    std::memcpy(&id, bytes.data() + at, sizeof(id));
    if (id >= 0 && id < vocabulary) continue;
    throw core::Error(fmt::format("{}: id {} at {}, the vocabulary has {}; pack it again", where, id,
                                  at / sizeof(std::int32_t), vocabulary));
  }
}

std::shared_ptr<const Dataset> open_part(const PackedFile& file, const TokenInfo& info, std::int64_t packed_length,
                                         std::string_view name) {
  const Group group = file.root().open_group(name);
  std::vector<std::int64_t> labels = read_numbers(group, "labels");
  std::vector<std::int64_t> offsets = read_numbers(group, "offsets");
  check_labels(labels, info.classes, group.label());
  const MappedBlock ids = file.block(group, "token_ids", Element::kInt32);
  check_offsets(offsets, labels.size(), ids.bytes.size() / sizeof(std::int32_t), group.label());
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    const std::int64_t length = offsets[i + 1] - offsets[i];
    if (length < 1 || length > packed_length) {
      throw core::Error(fmt::format("{}: sample {} has {} tokens, max_length is {}; pack it again", group.label(), i,
                                    length, packed_length));
    }
  }
  check_ids(ids.bytes, info.vocabulary, group.label());
  return std::make_shared<PackedTokens>(info, file.mapping(), std::move(labels), std::move(offsets), ids.bytes);
}

}  // namespace

void write_packed_tokens(PackedWriter& writer, const Datasets& datasets) {
  const auto& train = dynamic_cast<const TokenDataset&>(*datasets.train);
  const auto& validation = dynamic_cast<const TokenDataset&>(*datasets.validation);
  core::hdf5::File& root = writer.root();
  root.set_attribute("classes", train.classes());
  root.set_attribute("vocabulary", train.info().vocabulary);
  root.set_attribute("padding", train.info().padding);
  root.set_attribute("max_length", train.info().max_length);
  write_part(root, "train", train);
  write_part(root, "validation", validation);
}

Datasets open_packed_tokens(const PackedFile& file, std::int64_t max_length) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  const core::hdf5::File& root = file.root();
  const std::int64_t packed_length = integer_in(root, "max_length", 1, kMost);
  if (max_length > packed_length) {
    throw core::UsageError(
        fmt::format("{}: was packed with max-length = {}, less than {}: set max-length to it, or "
                    "pack the data set again",
                    root.label(), packed_length, max_length));
  }
  TokenInfo info{.name = file.data(),
                 .classes = integer_in(root, "classes", 1, kMost),
                 .vocabulary = integer_in(root, "vocabulary", 1, kMost),
                 .padding = 0,
                 .max_length = max_length};
  info.padding = integer_in(root, "padding", 0, info.vocabulary - 1);
  return {.train = open_part(file, info, packed_length, "train"),
          .validation = open_part(file, info, packed_length, "validation")};
}

}  // namespace trainyard::data

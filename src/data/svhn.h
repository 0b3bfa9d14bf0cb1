#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace trainyard::data {

/// The files of SVHN's cropped digits (Netzer et al. 2011, "Reading Digits in Natural Images with Unsupervised Feature
/// Learning").
struct SvhnFiles {
  std::filesystem::path train;
  std::filesystem::path validation;
};

/// Finds train_32x32.mat and test_32x32.mat in `folder` or its subfolder svhn.
/// @throws core::UsageError naming the folder and what it lacks. `source` is the key or variable that named the folder.
SvhnFiles find_svhn(const std::filesystem::path& folder, const std::string& source);

/// One such file, in memory: its variable X holds 8-bit pixels, [32][32][3][N] in MATLAB's order, y the N labels with
/// 10 for the digit 0.
class Svhn final : public ImageDataset {
 public:
  /// @throws core::Error naming the file, and the variable and image where there is one, when it is damaged.
  explicit Svhn(const std::filesystem::path& file);

  std::int64_t size() const override { return static_cast<std::int64_t>(labels_.size()); }
  std::int64_t label(std::int64_t index) const override { return labels_[static_cast<std::size_t>(index)]; }
  std::span<const std::uint8_t> pixels(std::int64_t index, std::span<std::uint8_t> scratch) const override;

 private:
  std::vector<std::uint8_t> pixels_;  ///< [N][3][32][32]
  std::vector<std::uint8_t> labels_;
};

}  // namespace trainyard::data

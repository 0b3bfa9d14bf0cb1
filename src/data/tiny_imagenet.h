#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/jpeg_dataset.h"

namespace trainyard::data {

/// One labelled JPEG file.
struct LabelledFile {
  std::string path;
  std::int64_t label = 0;
};

/// The files of Tiny ImageNet (Le and Yang 2015, "Tiny ImageNet Visual Recognition Challenge"; tiny-imagenet-200.zip).
struct TinyImageNetFiles {
  std::vector<std::string> classes;      ///< WordNet ids in the order of wnids.txt, which is that of the labels
  std::vector<LabelledFile> train;       ///< class by class, each in the order of the files' names
  std::vector<LabelledFile> validation;  ///< in the order of val_annotations.txt
};

/// Finds them in `folder`, or its subfolder tiny-imagenet or tiny-imagenet-200: wnids.txt, train/ID/images/*.JPEG,
/// val/images and val/val_annotations.txt. Fewer than 200 classes are a smaller data set.
/// @throws core::UsageError naming the folder and what it lacks; core::Error naming the file and line of a wnids.txt or
///         val_annotations.txt that is none. `source` is the key or variable that named the folder.
TinyImageNetFiles find_tiny_imagenet(const std::filesystem::path& folder, const std::string& source);

/// The images of such files: 64 x 64 pixels, in colour or grey, opened one by one when they are asked for.
class TinyImageNet final : public JpegDataset {
 public:
  TinyImageNet(std::vector<std::string> classes, std::vector<LabelledFile> files);

  std::int64_t size() const override { return static_cast<std::int64_t>(files_.size()); }
  std::int64_t label(std::int64_t index) const override { return files_[static_cast<std::size_t>(index)].label; }
  std::span<const std::uint8_t> jpeg(std::int64_t index, std::vector<std::uint8_t>& buffer) const override;
  std::string file_name(std::int64_t index) const override { return files_[static_cast<std::size_t>(index)].path; }

 private:
  std::vector<LabelledFile> files_;
};

}  // namespace trainyard::data

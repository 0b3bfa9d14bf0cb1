#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/mapped_file.h"

namespace trainyard::data {

/// The files of CIFAR-10's binary version (Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images";
/// cifar-10-binary.tar.gz): records of 3,073 bytes, a label and then 32 x 32 red, green and blue pixels.
struct Cifar10Files {
  std::vector<std::filesystem::path> train;
  std::vector<std::filesystem::path> validation;
};

/// Finds them in `folder`, or its subfolder cifar10 or cifar-10-batches-bin: data_batch_1.bin to data_batch_5.bin and
/// test_batch.bin, or else every *train*.bin and *test*.bin by name.
/// @throws core::UsageError naming the folder and what it lacks. `source` is the key or variable that named the folder.
Cifar10Files find_cifar10(const std::filesystem::path& folder, const std::string& source);

/// The records of CIFAR-10 files, one file after the other.
class Cifar10 final : public ImageDataset {
 public:
  /// @throws core::Error naming the file, and the record where there is one, when a file is damaged.
  explicit Cifar10(const std::vector<std::filesystem::path>& files);

  std::int64_t size() const override { return static_cast<std::int64_t>(records_.size()); }
  std::int64_t label(std::int64_t index) const override { return *records_[static_cast<std::size_t>(index)]; }
  std::span<const std::uint8_t> pixels(std::int64_t index, std::span<std::uint8_t> scratch) const override;

 private:
  std::vector<MappedFile> files_;
  std::vector<const std::uint8_t*> records_;  ///< by index, into files_
};

}  // namespace trainyard::data

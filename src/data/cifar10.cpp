#include "data/cifar10.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <system_error>

#include "core/error.h"

namespace trainyard::data {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPixels = 3 * 32 * 32;
constexpr std::size_t kRecordBytes = 1 + kPixels;
constexpr int kCifar10Classes = 10;
constexpr int kStandardBatches = 5;

DatasetInfo info() {
  return {.name = "cifar10",
          .classes = kCifar10Classes,
          .class_names = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
          .shape = {.channels = 3, .height = 32, .width = 32},
          // Of the 50,000 training images, as is customary (each deviation over all pixels of the channel).
          .normalisation = {.pixel_max = 255.0, .mean = {0.4914, 0.4822, 0.4465}, .std = {0.2470, 0.2435, 0.2616}}};
}

bool exists(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

/// Files *part*.bin of a folder in the order of their names.
std::vector<fs::path> files_named(const fs::path& folder, const std::string& part) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const fs::path& path = entry->path();
    if (path.extension() == ".bin" && path.stem().string().find(part) != std::string::npos) found.push_back(path);
  }
  if (error) throw core::Error(fmt::format("{}: cannot be listed: {}", folder.string(), error.message()));
  std::sort(found.begin(), found.end());
  return found;
}

/// The standard set; empty when the folder holds none of its training files.
std::vector<fs::path> standard_train_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (int batch = 1; batch <= kStandardBatches; ++batch) {
    files.push_back(folder / fmt::format("data_batch_{}.bin", batch));
  }
  if (std::none_of(files.begin(), files.end(), exists)) return {};
  return files;
}

}  // namespace

Cifar10Files find_cifar10(const fs::path& folder, const std::string& source) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    throw core::UsageError(fmt::format(
        "{}: {} is no folder; set data-dir to the one that holds the CIFAR-10 binary files", source, folder.string()));
  }
  for (const fs::path& candidate : {folder, folder / "cifar10", folder / "cifar-10-batches-bin"}) {
    if (!fs::is_directory(candidate, error)) continue;
    Cifar10Files files{.train = standard_train_files(candidate), .validation = {}};
    if (!files.train.empty()) {
      files.validation = {candidate / "test_batch.bin"};
    } else {
      files.train = files_named(candidate, "train");
      files.validation = files_named(candidate, "test");
      if (files.train.empty() && files.validation.empty()) continue;
      if (files.train.empty() || files.validation.empty()) {
        throw core::UsageError(fmt::format("{}: {} has no *{}*.bin beside its *{}*.bin; cifar10 needs both", source,
                                           candidate.string(), files.train.empty() ? "train" : "test",
                                           files.train.empty() ? "test" : "train"));
      }
    }
    for (const auto& part : {files.train, files.validation}) {
      const auto missing = std::find_if_not(part.begin(), part.end(), exists);
      if (missing != part.end()) {
        throw core::UsageError(
            fmt::format("{}: {} is missing beside the other CIFAR-10 files; unpack cifar-10-binary.tar.gz again",
                        source, missing->string()));
      }
    }
    return files;
  }
  throw core::UsageError(
      fmt::format("{}: no CIFAR-10 files (data_batch_1.bin ... test_batch.bin, or *train*.bin and *test*.bin) in {}, "
                  "its cifar10 or "
                  "its cifar-10-batches-bin; set data-dir to the folder where cifar-10-binary.tar.gz was unpacked",
                  source, folder.string()));
}

Cifar10::Cifar10(const std::vector<fs::path>& files) : ImageDataset(info()) {
  for (const fs::path& path : files) {
    const std::span<const std::uint8_t> bytes = files_.emplace_back(path.string()).bytes();
    if (bytes.size() % kRecordBytes != 0) {
      throw core::Error(
          fmt::format("{}: {} bytes are not whole records of {} bytes (the file ends inside record {}); it is "
                      "truncated or no CIFAR-10 file, copy it again",
                      path.string(), bytes.size(), kRecordBytes, bytes.size() / kRecordBytes));
    }
    for (std::size_t start = 0; start < bytes.size(); start += kRecordBytes) {
      const std::uint8_t* record = bytes.data() + start;
      if (*record >= kCifar10Classes) {
        throw core::Error(
            fmt::format("{}: record {} has label {}, CIFAR-10 has 0 to {}; the file is damaged or has another format",
                        path.string(), start / kRecordBytes, *record, kCifar10Classes - 1));
      }
      records_.push_back(record);
    }
  }
}

std::span<const std::uint8_t> Cifar10::pixels(std::int64_t index, std::span<std::uint8_t> /*scratch*/) const {
  return {records_[static_cast<std::size_t>(index)] + 1, kPixels};
}

}  // namespace trainyard::data

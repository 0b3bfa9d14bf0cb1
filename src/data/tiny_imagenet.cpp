#include "data/tiny_imagenet.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "core/text.h"
#include "data/small_file.h"

namespace trainyard::data {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kImageSize = 64;
constexpr std::size_t kMostImageBytes = 1 << 20;  // 80 times a 64 x 64 image without any compression

DatasetInfo info(std::vector<std::string> classes) {
  return {
      .name = "tiny-imagenet",
      .classes = static_cast<std::int64_t>(classes.size()),
      .class_names = std::move(classes),
      .shape = {.channels = 3, .height = kImageSize, .width = kImageSize},
      // Of the 100,000 training images, as is customary; tests/data/tiny_imagenet_test.cpp compares a tenth of them.
      .normalisation = {.pixel_max = 255.0, .mean = {0.4802, 0.4481, 0.3975}, .std = {0.2770, 0.2691, 0.2821}},
      .augmentation = {.crop_padding = 8, .mirrors = true}};
}

/// A line of a text file, without what Windows ends it with.
struct Line {
  std::int64_t number = 0;
  std::string_view text;
};

/// The lines that are not empty.
std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  std::int64_t number = 0;
  for (std::string_view line : core::split(text, '\n')) {
    ++number;
    line = core::trim(line);
    if (!line.empty()) lines.push_back({.number = number, .text = line});
  }
  return lines;
}

[[noreturn]] void refuse_line(const fs::path& file, const Line& line, std::string_view what) {
  throw core::Error(fmt::format("{}: line {}: '{}' {}", file.string(), line.number,
                                core::one_line(core::truncate_utf8(line.text, 100)), what));
}

/// What may become part of a path: a file's or folder's own name.
bool is_plain_name(std::string_view name) {
  return !name.empty() && !name.starts_with('.') && name.find('/') == std::string_view::npos;
}

/// Names of a folder's *.JPEG files, sorted.
std::vector<std::string> images_in(const fs::path& folder, const std::string& source) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".JPEG") names.push_back(entry->path().filename().string());
  }
  if (error || names.empty()) {
    throw core::UsageError(fmt::format("{}: {} {}; unpack tiny-imagenet-200.zip again", source, folder.string(),
                                       error ? "cannot be listed: " + error.message() : "holds no .JPEG file"));
  }
  std::sort(names.begin(), names.end());
  return names;
}

using Labels = std::map<std::string, std::int64_t, std::less<>>;

Labels read_classes(const fs::path& file, std::vector<std::string>& classes) {
  const std::string text = core::read_file(file);
  Labels labels;
  for (const Line& line : lines_of(text)) {
    if (!is_plain_name(line.text)) refuse_line(file, line, "is no WordNet id");
    if (!labels.emplace(line.text, static_cast<std::int64_t>(classes.size())).second) {
      refuse_line(file, line, "stands there twice");
    }
    classes.emplace_back(line.text);
  }
  if (classes.empty()) throw core::Error(fmt::format("{}: names no class", file.string()));
  return labels;
}

std::vector<LabelledFile> read_validation(const fs::path& folder, const Labels& labels, const std::string& source) {
  const fs::path file = folder / "val_annotations.txt";
  const fs::path images = folder / "images";
  const std::vector<std::string> names = images_in(images, source);
  const std::set<std::string, std::less<>> present(names.begin(), names.end());
  const std::string text = core::read_file(file);
  std::vector<LabelledFile> found;
  for (const Line& line : lines_of(text)) {
    const std::vector<std::string_view> fields = core::split(line.text, '\t');
    if (fields.size() < 2 || !is_plain_name(fields[0])) refuse_line(file, line, "is no file name and WordNet id");
    const auto label = labels.find(fields[1]);
    if (label == labels.end()) refuse_line(file, line, "has a class that is not in wnids.txt");
    if (!present.contains(fields[0])) refuse_line(file, line, "names an image that is missing in val/images");
    found.push_back({.path = (images / fields[0]).string(), .label = label->second});
  }
  if (found.empty()) throw core::Error(fmt::format("{}: names no image", file.string()));
  return found;
}

}  // namespace

TinyImageNetFiles find_tiny_imagenet(const fs::path& folder, const std::string& source) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    throw core::UsageError(
        fmt::format("{}: {} is no folder; set data-dir to the one where tiny-imagenet-200.zip was "
                    "unpacked, or to a packed file",
                    source, folder.string()));
  }
  for (const fs::path& candidate : {folder, folder / "tiny-imagenet-200", folder / "tiny-imagenet"}) {
    if (!fs::exists(candidate / "wnids.txt", error)) continue;
    for (const fs::path& needed : {candidate / "train", candidate / "val" / "val_annotations.txt"}) {
      if (fs::exists(needed, error)) continue;
      throw core::UsageError(fmt::format("{}: {} is missing beside wnids.txt; unpack tiny-imagenet-200.zip again",
                                         source, needed.string()));
    }
    TinyImageNetFiles files;
    const Labels labels = read_classes(candidate / "wnids.txt", files.classes);
    for (std::size_t label = 0; label < files.classes.size(); ++label) {
      const fs::path images = candidate / "train" / files.classes[label] / "images";
      for (const std::string& name : images_in(images, source)) {
        files.train.push_back({.path = (images / name).string(), .label = static_cast<std::int64_t>(label)});
      }
    }
    files.validation = read_validation(candidate / "val", labels, source);
    return files;
  }
  throw core::UsageError(fmt::format(
      "{}: no Tiny ImageNet (wnids.txt, train, val) in {}, its tiny-imagenet-200 or its tiny-imagenet; set data-dir to "
      "the folder where tiny-imagenet-200.zip was unpacked",
      source, folder.string()));
}

TinyImageNet::TinyImageNet(std::vector<std::string> classes, std::vector<LabelledFile> files)
    : JpegDataset(info(std::move(classes))), files_(std::move(files)) {}

std::span<const std::uint8_t> TinyImageNet::jpeg(std::int64_t index, std::vector<std::uint8_t>& buffer) const {
  return read_small_file(files_[static_cast<std::size_t>(index)].path, kMostImageBytes, buffer);
}

}  // namespace trainyard::data

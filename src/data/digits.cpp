#include "data/digits.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/error.h"
#include "data/digits_file.h"
#include "data/gzip.h"

namespace trainyard::data {
namespace {

constexpr std::size_t kPixels = 64;
constexpr std::int64_t kMaxPixel = 16;
constexpr std::int64_t kDigitClasses = 10;
constexpr std::size_t kValidationEvery = 5;

DatasetInfo info() {
  return {.name = "digits",
          .classes = kDigitClasses,
          .class_names = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
          .shape = {.channels = 1, .height = 8, .width = 8},
          // Over all pixels of the 1,438 training images; tests/data/digits_test.cpp works them out again.
          .normalisation = {.pixel_max = kMaxPixel, .mean = {0.3058}, .std = {0.3764}},
          .augmentation = {.crop_padding = 1, .mirrors = false}};
}

/// Takes the number at the front of `line`, and the comma behind it unless it is the last one.
std::uint8_t take_number(std::string_view& line, std::int64_t max, bool last, std::size_t line_number) {
  std::int64_t value = -1;
  const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), value);
  std::string_view rest = line.substr(static_cast<std::size_t>(stop - line.data()));
  const bool well_ended = last ? rest.empty() : rest.starts_with(',');
  if (error != std::errc{} || value < 0 || value > max || !well_ended) {
    throw core::Error(fmt::format("digits: line {} is not {} pixels of 0 to {} and a label of 0 to {}", line_number,
                                  kPixels, kMaxPixel, kDigitClasses - 1));
  }
  if (!last) rest.remove_prefix(1);
  line = rest;
  return static_cast<std::uint8_t>(value);
}

}  // namespace

std::vector<DigitRow> parse_digits(std::string_view csv) {
  std::vector<DigitRow> rows;
  while (!csv.empty()) {
    std::string_view line = csv.substr(0, csv.find('\n'));
    csv.remove_prefix(std::min(csv.size(), line.size() + 1));
    DigitRow& row = rows.emplace_back();
    for (std::uint8_t& pixel : row.pixels)
      pixel = take_number(line, kMaxPixel, false, rows.size());
    row.label = take_number(line, kDigitClasses - 1, true, rows.size());
  }
  return rows;
}

Digits::Digits(Part part) : ImageDataset(info()) {
  const std::vector<DigitRow> rows = parse_digits(gunzip(digits_file(), "digits"));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool validates = i % kValidationEvery == kValidationEvery - 1;
    if (validates != (part == Part::kValidation)) continue;
    pixels_.insert(pixels_.end(), rows[i].pixels.begin(), rows[i].pixels.end());
    labels_.push_back(rows[i].label);
  }
}

std::span<const std::uint8_t> Digits::pixels(std::int64_t index, std::span<std::uint8_t> /*scratch*/) const {
  return std::span(pixels_).subspan(static_cast<std::size_t>(index) * kPixels, kPixels);
}

}  // namespace trainyard::data

#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <vector>

#include "data/jpeg_bytes.h"
#include "data/mat_bytes.h"
#include "support/temporary_folder.h"

/// Small data sets in their original files, each image another one.
namespace trainyard::testing {

inline void write_text(const TemporaryFolder& folder, const std::string& name, const std::string& text) {
  folder.write(name, std::vector<std::uint8_t>(text.begin(), text.end()));
}

/// 20 training images of two classes, four of them grey, and one for validation.
inline void write_tiny_imagenet(const TemporaryFolder& folder) {
  write_text(folder, "wnids.txt", "n01\nn02\n");
  for (int i = 0; i < 20; ++i) {
    const std::string name = fmt::format("train/n0{}/images/{:02}.JPEG", 1 + i % 2, i);
    const int channels = i % 5 == 0 ? 1 : 3;
    folder.write(name, jpeg_file(smooth_image(channels, 64, 64, 2 * i), channels, 64, 64));
  }
  folder.write("val/images/0.JPEG", jpeg_file(smooth_image(3, 64, 64), 3, 64, 64));
  write_text(folder, "val/val_annotations.txt", "0.JPEG\tn02\n");
}

inline void write_cifar10(const TemporaryFolder& folder) {
  for (const auto& [name, images] : {std::pair{"x_train.bin", 7}, std::pair{"x_test.bin", 3}}) {
    std::vector<std::uint8_t> records;
    for (int i = 0; i < images; ++i) {
      records.push_back(static_cast<std::uint8_t>(i));
      for (int p = 0; p < 3072; ++p)
        records.push_back(static_cast<std::uint8_t>(p * (i + 3) + p / 7));
    }
    folder.write(name, records);
  }
}

inline void write_svhn(const TemporaryFolder& folder) {
  for (const auto& [name, images] : {std::pair{"train_32x32.mat", 6u}, std::pair{"test_32x32.mat", 2u}}) {
    Bytes pixels(images * 3072), labels;
    for (std::size_t p = 0; p < pixels.size(); ++p)
      pixels[p] = static_cast<std::uint8_t>(p * 5 + p / 11);
    for (std::uint32_t i = 0; i < images; ++i)
      labels.push_back(static_cast<std::uint8_t>(10 - i));
    folder.write(name, mat_file({compressed(mat_variable("X", MatClass::kUint8, {32, 32, 3, images}, pixels)),
                                 compressed(mat_variable("y", MatClass::kUint8, {images, 1}, labels))}));
  }
}

}  // namespace trainyard::testing

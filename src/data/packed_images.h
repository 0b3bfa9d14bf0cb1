#pragma once

#include "data/dataset.h"
#include "data/datasets.h"
#include "data/packed_file.h"

namespace trainyard::data {

/// How images are packed.
enum class PackedForm {
  kOriginal,  ///< JPEG files as they are, byte by byte, where the data set has them; else pixels
  kPixels,    ///< decoded, one byte a channel
};

/// Writes both parts and what is the same for all samples. Every image is decoded once, so that a damaged one is found.
/// @throws core::Error naming the file that is damaged or cannot be written.
void write_packed_images(PackedWriter& writer, const ImageDatasets& datasets, PackedForm form);

/// The same samples to the bit, labels, classes and normalisation as those that were packed.
/// @throws core::Error naming the file and what in it is damaged.
ImageDatasets open_packed_images(const PackedFile& file);

}  // namespace trainyard::data

#include "data/jpeg_dataset.h"

#include <fmt/format.h>

#include "core/error.h"
#include "data/jpeg.h"

namespace trainyard::data {
namespace {

/// One thread's.
struct Workplace {
  JpegDecoder decoder;
  std::vector<std::uint8_t> file;
};

}  // namespace

std::span<const std::uint8_t> JpegDataset::pixels(std::int64_t index, std::span<std::uint8_t> scratch) const {
  thread_local Workplace workplace;
  const std::span<const std::uint8_t> bytes = jpeg(index, workplace.file);
  try {
    workplace.decoder.decode(bytes, shape(), scratch);
  } catch (const core::Error& error) {
    throw core::Error(fmt::format("{}: {}", file_name(index), error.what()));
  }
  return scratch.first(static_cast<std::size_t>(shape().pixels()));
}

}  // namespace trainyard::data

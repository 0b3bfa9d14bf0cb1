#include "data/jpeg.h"

#include <fmt/format.h>
#include <turbojpeg.h>

#include <string>

#include "core/error.h"
#include "core/text.h"
#include "data/planes.h"

namespace trainyard::data {
namespace {

constexpr std::int64_t kChannels = 3;

}  // namespace

void JpegDecoder::Destroy::operator()(void* handle) const {
  ::tjDestroy(handle);
}

void JpegDecoder::fail(const char* what) {
  const std::string reason = core::one_line(::tjGetErrorStr2(handle_.get()));
  handle_.reset();  // after some errors it would misread the next image
  throw core::Error(fmt::format("{}: {}", what, reason));
}

void JpegDecoder::decode(std::span<const std::uint8_t> jpeg, const ImageShape& shape, std::span<std::uint8_t> planes) {
  if (!handle_) handle_.reset(::tjInitDecompress());
  if (!handle_) fail("libjpeg-turbo cannot be started");
  int width = 0, height = 0, subsampling = 0, colours = 0;
  const auto size = static_cast<unsigned long>(jpeg.size());
  if (::tjDecompressHeader3(handle_.get(), jpeg.data(), size, &width, &height, &subsampling, &colours) != 0) {
    fail("is no JPEG file");
  }
  if (width != shape.width || height != shape.height) {
    throw core::Error(fmt::format("is {} x {} pixels, not {} x {}", width, height, shape.width, shape.height));
  }
  if (colours == TJCS_CMYK || colours == TJCS_YCCK) throw core::Error("has CMYK colours; convert it to RGB");
  pixels_.resize(static_cast<std::size_t>(kChannels * shape.height * shape.width));
  // A warning is a file that ends too early or whose codes are damaged: the rest would be grey.
  if (::tjDecompress2(handle_.get(), jpeg.data(), size, pixels_.data(), width, 0, height, TJPF_RGB,
                      TJFLAG_STOPONWARNING) != 0) {
    fail("is damaged");
  }
  deinterleave_three(pixels_.data(), shape.height * shape.width, planes.data());
}

}  // namespace trainyard::data

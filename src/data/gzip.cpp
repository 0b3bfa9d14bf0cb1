#include "data/gzip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <string_view>
#include <utility>

#include "core/error.h"

namespace trainyard::data {
namespace {

/// What stands around the deflated bytes, as inflateInit2 is told.
enum class Format { kZlib = MAX_WBITS, kGzip = 16 + MAX_WBITS };

class Inflater {
 public:
  Inflater(Format format, std::span<const std::uint8_t> compressed, std::string name) : name_(std::move(name)) {
    stream_.next_in = const_cast<Bytef*>(compressed.data());  // zlib only reads it
    stream_.avail_in = static_cast<uInt>(compressed.size());
    check(::inflateInit2(&stream_, static_cast<int>(format)));
  }
  ~Inflater() { ::inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  bool ended() const { return ended_; }

  /// The next piece, valid until the one after it. To be called until the stream has ended.
  std::string_view next() {
    stream_.next_out = reinterpret_cast<Bytef*>(piece_.data());
    stream_.avail_out = static_cast<uInt>(piece_.size());
    const int status = ::inflate(&stream_, Z_NO_FLUSH);
    ended_ = status == Z_STREAM_END;
    if (!ended_) check(status);
    return {piece_.data(), piece_.size() - stream_.avail_out};
  }

 private:
  void check(int status) const {
    if (status == Z_OK) return;
    const char* message = stream_.msg != nullptr ? stream_.msg : ::zError(status);
    throw core::Error(
        fmt::format("{}: cannot be inflated: {}", name_, status == Z_BUF_ERROR ? "it ends too early" : message));
  }

  z_stream stream_{};
  std::string name_;
  bool ended_ = false;
  std::array<char, 1 << 16> piece_;
};

}  // namespace

std::string gunzip(std::span<const std::uint8_t> compressed, const std::string& name) {
  Inflater inflater(Format::kGzip, compressed, name);
  std::string out;
  while (!inflater.ended())
    out += inflater.next();
  return out;
}

ZlibContent look_through(std::span<const std::uint8_t> compressed, const std::string& name) {
  Inflater inflater(Format::kZlib, compressed, name);
  ZlibContent content{.head = std::string(inflater.next()), .bytes = 0};
  content.bytes = content.head.size();
  while (!inflater.ended())
    content.bytes += inflater.next().size();
  return content;
}

}  // namespace trainyard::data

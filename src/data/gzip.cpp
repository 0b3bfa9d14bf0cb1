#include "data/gzip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <utility>

#include "core/error.h"

namespace trainyard::data {
namespace {

class Inflater {
 public:
  Inflater(std::span<const std::uint8_t> compressed, std::string name) : name_(std::move(name)) {
    stream_.next_in = const_cast<Bytef*>(compressed.data());  // zlib only reads it
    stream_.avail_in = static_cast<uInt>(compressed.size());
    check(::inflateInit2(&stream_, 16 + MAX_WBITS));  // 16: a gzip header and nothing else
  }
  ~Inflater() { ::inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Appends the next piece; false after the last one.
  bool next(std::string& out) {
    std::array<char, 1 << 16> piece;
    stream_.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream_.avail_out = static_cast<uInt>(piece.size());
    const int status = ::inflate(&stream_, Z_NO_FLUSH);
    if (status != Z_STREAM_END) check(status);
    out.append(piece.data(), piece.size() - stream_.avail_out);
    return status != Z_STREAM_END;
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
};

}  // namespace

std::string gunzip(std::span<const std::uint8_t> compressed, const std::string& name) {
  Inflater inflater(compressed, name);
  std::string out;
  while (inflater.next(out)) {
  }
  return out;
}

}  // namespace trainyard::data

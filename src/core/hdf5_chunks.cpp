#include "core/hdf5_chunks.h"

#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "core/error.h"
#include "core/hdf5_types.h"

namespace trainyard::core::hdf5 {

namespace {

constexpr std::size_t kBytes = 8;
constexpr hsize_t kMostChunkRows = hsize_t{1} << 20;  // others go through the library

/// The first `used` planes as numbers of a type that holds them, widened to 8 bytes each.
template <class Number>
void join(const unsigned char* planes, std::size_t rows, std::size_t wanted, std::size_t used, unsigned char* values) {
  constexpr std::size_t kBlock = 256;
  std::array<Number, kBlock> joined;
  std::array<std::uint64_t, kBlock> wide;
  for (std::size_t begin = 0; begin < wanted; begin += kBlock) {
    const std::size_t count = std::min(kBlock, wanted - begin);
    joined.fill(0);
    for (std::size_t byte = 0; byte < used; ++byte) {
      const unsigned char* plane = planes + byte * rows + begin;
      for (std::size_t i = 0; i < count; ++i)
        joined[i] |= static_cast<Number>(plane[i]) << (8 * byte);
    }
    std::copy_n(joined.begin(), count, wide.begin());
    std::memcpy(values + begin * kBytes, wide.data(), count * kBytes);
  }
}

/// Undoes the shuffle: `planes` holds the first byte of every value, then the second of every value, and so on. Small
/// numbers, which most are, have planes of zeros at the end.
void join_planes(const unsigned char* planes, std::size_t rows, std::size_t wanted, unsigned char* values) {
  std::size_t used = kBytes;
  while (used > 0) {
    const unsigned char* plane = planes + (used - 1) * rows;
    if (plane[0] != 0 || std::memcmp(plane, plane + 1, rows - 1) != 0) break;
    --used;
  }
  if (used <= 4) {
    join<std::uint32_t>(planes, rows, wanted, used, values);
  } else {
    join<std::uint64_t>(planes, rows, wanted, used, values);
  }
}

using Decompressor = std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)>;

}  // namespace

DeflatedChunks deflated_chunks(hid_t properties, const std::string& what) {
  hsize_t rows = 0;
  check(H5Pget_chunk(properties, 1, &rows), what);
  const int filters = H5Pget_nfilters(properties);
  if (rows > kMostChunkRows || filters < 1 || filters > 2) return {};
  std::array<H5Z_filter_t, 2> kinds{};
  for (int i = 0; i < filters; ++i) {
    unsigned flags = 0;
    std::size_t no_values = 0;
    kinds[static_cast<std::size_t>(i)] =
        H5Pget_filter2(properties, static_cast<unsigned>(i), &flags, &no_values, nullptr, 0, nullptr, nullptr);
  }
  const bool shuffled = filters == 2 && kinds[0] == H5Z_FILTER_SHUFFLE;
  const bool deflated = kinds[static_cast<std::size_t>(filters - 1)] == H5Z_FILTER_DEFLATE;
  if (!deflated || (filters == 2 && !shuffled)) return {};
  return {rows, shuffled};
}

bool read_deflated_chunks(hid_t dataset, const DeflatedChunks& chunks, std::uint64_t count, void* values,
                          const std::string& label) {
  const std::string what = "cannot read " + label;
  const std::size_t chunk_rows = chunks.rows;
  const Decompressor decompressor(libdeflate_alloc_decompressor(), &libdeflate_free_decompressor);
  if (decompressor == nullptr) return false;
  std::vector<unsigned char> stored;
  std::vector<unsigned char> chunk(chunk_rows * kBytes);
  auto* out = static_cast<unsigned char*>(values);
  for (hsize_t first = 0; first < count; first += chunk_rows) {
    hsize_t bytes = 0;
    if (H5Dget_chunk_storage_size(dataset, &first, &bytes) < 0) {
      H5Eclear2(H5E_DEFAULT);
      return false;
    }
    const std::size_t bound = libdeflate_zlib_compress_bound(nullptr, chunk.size()) + 1024;
    if (bytes == 0 || bytes > bound) return false;  // a hole, or stored as no compressor would
    stored.resize(bytes);
    std::uint32_t skipped_filters = 0;
    check(H5Dread_chunk(dataset, H5P_DEFAULT, &first, &skipped_filters, stored.data()), what);
    if (skipped_filters != 0) return false;
    if (libdeflate_zlib_decompress(decompressor.get(), stored.data(), bytes, chunk.data(), chunk.size(), nullptr) !=
        LIBDEFLATE_SUCCESS)
      throw Error(what + ": its data are damaged (a chunk does not inflate)");
    const std::size_t wanted = std::min<std::uint64_t>(chunk_rows, count - first);
    if (chunks.shuffled) {
      join_planes(chunk.data(), chunk_rows, wanted, out + first * kBytes);
    } else {
      std::memcpy(out + first * kBytes, chunk.data(), wanted * kBytes);
    }
  }
  return true;
}

}  // namespace trainyard::core::hdf5

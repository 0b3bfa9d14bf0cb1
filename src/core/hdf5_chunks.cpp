#include "core/hdf5_chunks.h"

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/hdf5_types.h"

namespace trainyard::core::hdf5 {

namespace {

constexpr std::size_t kBytes = 8;
constexpr hsize_t kMostChunkRows = hsize_t{1} << 20;  // others go through the library

/// Planes of `rows` bytes, the first byte of every value, then the second of every value and so on, as values again.
template <std::size_t kPlanes>
void join_planes(const unsigned char* __restrict planes, std::size_t rows, std::size_t wanted,
                 unsigned char* __restrict values) {
  for (std::size_t i = 0; i < wanted; ++i) {
    for (std::size_t byte = 0; byte < kPlanes; ++byte)  // unrolled, the outer loop turns into interleaved stores
      values[i * kPlanes + byte] = planes[byte * rows + i];
  }
}

/// Whether the planes from the fifth on, or the upper halves of values side by side, are zeros.
bool fits_4_bytes(const unsigned char* chunk, std::size_t rows, bool shuffled) {
  if (shuffled) {
    const unsigned char* upper = chunk + 4 * rows;
    return upper[0] == 0 && std::memcmp(upper, upper + 1, 4 * rows - 1) == 0;
  }
  for (std::size_t i = 0; i < rows; ++i) {
    std::uint32_t upper = 0;
    std::memcpy(&upper, chunk + i * kBytes + 4, sizeof upper);
    if (upper != 0) return false;
  }
  return true;
}

/// The values of a chunk, 8 bytes each.
void take_values(const unsigned char* chunk, const DeflatedChunks& chunks, std::size_t wanted, unsigned char* values) {
  if (chunks.shuffled) {
    join_planes<kBytes>(chunk, chunks.rows, wanted, values);
  } else {
    std::memcpy(values, chunk, wanted * kBytes);
  }
}

/// The lower halves of the values of a chunk.
void take_lower_halves(const unsigned char* chunk, const DeflatedChunks& chunks, std::size_t wanted,
                       std::uint32_t* values) {
  if (chunks.shuffled) {
    join_planes<4>(chunk, chunks.rows, wanted, reinterpret_cast<unsigned char*>(values));
    return;
  }
  for (std::size_t i = 0; i < wanted; ++i)
    std::memcpy(&values[i], chunk + i * kBytes, sizeof *values);
}

/// What inflating needs, kept from one column to the next.
struct Inflater {
  std::unique_ptr<inflate_state> state = std::make_unique<inflate_state>();
  std::vector<unsigned char> stored;
  std::vector<unsigned char> chunk;

  /// The first `bytes` of `stored` into `chunk`, which they must fill.
  bool inflate(std::size_t bytes) {
    isal_inflate_init(state.get());
    state->crc_flag = ISAL_ZLIB;  // its header and checksum
    state->next_in = stored.data();
    state->avail_in = static_cast<std::uint32_t>(bytes);
    state->next_out = chunk.data();
    state->avail_out = static_cast<std::uint32_t>(chunk.size());
    return isal_inflate_stateless(state.get()) == ISAL_DECOMP_OK && state->avail_out == 0;
  }
};

/// Calls `take(chunk, first, wanted)` with each inflated chunk of the rows [0, count). False as soon as one cannot be
/// read this way.
template <class Take>
bool for_each_chunk(hid_t dataset, const DeflatedChunks& chunks, std::uint64_t count, const std::string& label,
                    Take take) {
  const std::string what = "cannot read " + label;
  thread_local Inflater inflater;
  std::vector<unsigned char>& chunk = inflater.chunk;
  chunk.resize(chunks.rows * kBytes);
  const std::size_t bound = chunk.size() + chunk.size() / 4 + 1024;  // more than zlib's deflateBound in any setting
  for (hsize_t first = 0; first < count; first += chunks.rows) {
    hsize_t bytes = 0;
    if (H5Dget_chunk_storage_size(dataset, &first, &bytes) < 0) {
      H5Eclear2(H5E_DEFAULT);
      return false;
    }
    if (bytes == 0 || bytes > bound) return false;  // a hole, or stored as no compressor would
    inflater.stored.resize(bytes);
    std::uint32_t skipped_filters = 0;
    check(H5Dread_chunk(dataset, H5P_DEFAULT, &first, &skipped_filters, inflater.stored.data()), what);
    if (skipped_filters != 0) return false;
    if (!inflater.inflate(bytes)) throw Error(what + ": its data are damaged (a chunk does not inflate)");
    take(chunk.data(), static_cast<std::size_t>(first), std::min<std::uint64_t>(chunks.rows, count - first));
  }
  return true;
}

/// How the chunks of a data set with these creation properties are stored.
DeflatedChunks deflated_chunks(hid_t properties, hsize_t rows) {
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

bool same_type(hid_t a, hid_t b, const std::string& what) {
  const htri_t same = H5Tequal(a, b);
  check(same, what);
  return same > 0;
}

}  // namespace

ColumnStorage storage_of(hid_t dataset, const std::string& label) {
  const std::string what = "cannot read the layout of " + label;
  const Handle properties(H5Dget_create_plist(dataset), what);
  const H5D_layout_t layout = H5Pget_layout(properties.id());
  if (layout == H5D_VIRTUAL || (layout == H5D_CONTIGUOUS && H5Pget_external_count(properties.id()) != 0)) {
    throw Error(label + " keeps its data outside the file, which is not followed");
  }
  const Handle space(H5Dget_space(dataset), what);
  if (H5Sget_simple_extent_ndims(space.id()) != 1) throw Error(label + " is not one-dimensional");
  ColumnStorage storage;
  hsize_t rows = 0;
  check(H5Sget_simple_extent_dims(space.id(), &rows, nullptr), what);
  storage.rows = rows;
  const Handle type(H5Dget_type(dataset), what);
  storage.row_bytes = std::max<std::size_t>(1, H5Tget_size(type.id()));
  storage.is_number = is_number(type.id());
  storage.is_int64 = same_type(type.id(), H5T_NATIVE_INT64, what);
  storage.is_double = !storage.is_int64 && same_type(type.id(), H5T_NATIVE_DOUBLE, what);
  if (layout != H5D_CHUNKED) return storage;
  // The library allocates a whole chunk to read one row of it.
  constexpr std::uint64_t kMaxChunkBytes = std::uint64_t{64} << 20;
  hsize_t chunk = 0;
  check(H5Pget_chunk(properties.id(), 1, &chunk), what);
  if (chunk > kMaxChunkBytes / storage.row_bytes) {
    throw Error(label + " has chunks of " + std::to_string(chunk) + " rows, beyond reason");
  }
  storage.chunk_rows = chunk;
  storage.deflated = deflated_chunks(properties.id(), chunk);
  return storage;
}

bool read_deflated_chunks(hid_t dataset, const DeflatedChunks& chunks, std::uint64_t count, void* values,
                          const std::string& label) {
  if (chunks.rows == 0 || std::endian::native != std::endian::little) return false;
  auto* out = static_cast<unsigned char*>(values);
  return for_each_chunk(dataset, chunks, count, label,
                        [&](const unsigned char* chunk, std::size_t first, std::size_t wanted) {
                          take_values(chunk, chunks, wanted, out + first * kBytes);
                        });
}

std::optional<CompactNumbers> read_compact_chunks(hid_t dataset, const DeflatedChunks& chunks, std::uint64_t count,
                                                  const std::string& label) {
  if (chunks.rows == 0 || std::endian::native != std::endian::little) return std::nullopt;
  std::vector<std::uint32_t> narrow(count);
  std::vector<std::int64_t> wide;
  const bool complete = for_each_chunk(
      dataset, chunks, count, label, [&](const unsigned char* chunk, std::size_t first, std::size_t wanted) {
        if (wide.empty() && fits_4_bytes(chunk, chunks.rows, chunks.shuffled)) {
          take_lower_halves(chunk, chunks, wanted, narrow.data() + first);
          return;
        }
        if (wide.empty()) {
          wide.resize(count);
          std::copy_n(narrow.begin(), first, wide.begin());
        }
        take_values(chunk, chunks, wanted, reinterpret_cast<unsigned char*>(wide.data() + first));
      });
  if (!complete) return std::nullopt;
  if (wide.empty()) return narrow;
  return wide;
}

}  // namespace trainyard::core::hdf5

#pragma once

#include <hdf5.h>

#include <cstdint>
#include <string>

#include "core/hdf5.h"

/// Inside the wrapper: reading columns past the library's filter pipeline.
namespace trainyard::core::hdf5 {

/// How the chunks of a 1-D chunked data set with these creation properties are stored.
DeflatedChunks deflated_chunks(hid_t properties, const std::string& what);

/// Reads the rows [0, count) of a 1-D data set of 8-byte numbers whose chunks are stored as our writer's and h5py's
/// are: in this machine's byte order, deflated, shuffled before or not. Inflated by libdeflate this is several times
/// faster than H5Dread. False, and nothing said of `values`, where a chunk is missing or stored in another way; Error,
/// naming `label`, for a chunk that does not inflate to its size. Call it with the library lock held.
bool read_deflated_chunks(hid_t dataset, const DeflatedChunks& chunks, std::uint64_t count, void* values,
                          const std::string& label);

}  // namespace trainyard::core::hdf5

#pragma once

#include <hdf5.h>

#include <cstdint>
#include <optional>
#include <string>

#include "core/hdf5.h"

/// Inside the wrapper: reading columns past the library's filter pipeline.
namespace trainyard::core::hdf5 {

/// What the file says of a 1-D data set. Refuses data whose bytes lie elsewhere, since a log must not make its reader
/// open other files, and chunks beyond reason. Call it with the library lock held.
ColumnStorage storage_of(hid_t dataset, const std::string& label);

/// Reads the rows [0, count) of a 1-D data set of 8-byte numbers whose chunks are stored as our writer's and h5py's
/// are: in this machine's byte order, deflated, shuffled before or not. Inflated by ISA-L this is several times faster
/// than H5Dread. False, and nothing said of `values`, where a chunk is missing or stored in another way; Error,
/// naming `label`, for a chunk that does not inflate to its size. Call it with the library lock held.
bool read_deflated_chunks(hid_t dataset, const DeflatedChunks& chunks, std::uint64_t count, void* values,
                          const std::string& label);

/// The same of int64, into less memory where that is enough. Nothing where the other one says false.
std::optional<CompactNumbers> read_compact_chunks(hid_t dataset, const DeflatedChunks& chunks, std::uint64_t count,
                                                  const std::string& label);

}  // namespace trainyard::core::hdf5

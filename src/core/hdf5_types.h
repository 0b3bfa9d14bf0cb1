#pragma once

#include <hdf5.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "core/hdf5_handle.h"

/// Inside the wrapper: what its parts share of the C API.
namespace trainyard::core::hdf5 {

/// Throws library_error(what) for a negative status.
inline void check(herr_t status, const std::string& what) {
  if (status < 0) throw library_error(what);
}

/// The label of the object `name` in the file or group of label `parent`.
std::string child_label(const std::string& parent, std::string_view name);

/// A string type: of `width` bytes, NUL-padded, or of variable length (H5T_VARIABLE).
Handle string_type(std::size_t width, H5T_cset_t character_set, const std::string& what);

/// Whether values of this class can be read as a number (h5py's booleans are enumerations).
bool is_number(hid_t type);

/// One string of a fixed-length field, without its padding.
std::string unpadded(const char* bytes, std::size_t width, H5T_str_t padding);

/// The longest string taken from a file.
inline constexpr std::size_t kMaxTextBytes = std::size_t{64} << 10;

}  // namespace trainyard::core::hdf5

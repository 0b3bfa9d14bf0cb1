#pragma once

#include <H5Ipublic.h>

#include <mutex>
#include <string>
#include <utility>

#include "core/error.h"

namespace trainyard::core::hdf5 {

/// Held around every call of the wrapper, process-wide: a site's HDF5 may be built without thread safety, not even for
/// two different files, and a failed call and the taking of its message must not be parted. Hold one around several
/// calls to keep others out between them; locks nest. Also keeps the library from printing its errors in this thread.
class LibraryLock {
 public:
  LibraryLock();

 private:
  std::unique_lock<std::recursive_mutex> lock_;
};

/// Failure of an HDF5 call: `what` (which names file and object) and the library's own innermost message. Call it with
/// the library lock held since the failed call; it empties the library's error stack.
Error library_error(const std::string& what);

/// An HDF5 identifier of any kind, closed with its last owner.
class Handle {
 public:
  Handle() = default;
  /// Takes the result of an HDF5 call; a negative one throws library_error(what).
  Handle(hid_t id, const std::string& what);
  ~Handle() { reset(); }
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      reset();
      id_ = std::exchange(other.id_, H5I_INVALID_HID);
    }
    return *this;
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  hid_t id() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }
  hid_t release() noexcept { return std::exchange(id_, H5I_INVALID_HID); }

 private:
  void reset() noexcept;
  hid_t id_ = H5I_INVALID_HID;
};

}  // namespace trainyard::core::hdf5

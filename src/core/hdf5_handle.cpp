#include "core/hdf5_handle.h"

#include <hdf5.h>

#include <memory>

#include "core/text.h"

namespace trainyard::core::hdf5 {

namespace {

std::recursive_mutex& library_mutex() {
  // Never destroyed: a thread that a dead file system holds up may still own it while the process exits.
  static auto* mutex = std::make_unique<std::recursive_mutex>().release();
  return *mutex;
}

herr_t take_innermost(unsigned /*level*/, const H5E_error2_t* error, void* text) {
  // Walked downward, the innermost message, the cause, comes last; ones above only repeat that a call failed.
  if (error->desc != nullptr && *error->desc != '\0') *static_cast<std::string*>(text) = error->desc;
  return 0;
}

}  // namespace

LibraryLock::LibraryLock() : lock_(library_mutex()) {
  // Messages go into exceptions and nowhere else. A thread-safe build keeps this setting per thread.
  thread_local bool silent = false;
  if (silent) return;
  // The library's own clean-up at exit crashes (1.10.8) over a file whose close failed, as on a full disk. Handles have
  // closed everything by then. It refuses when that was asked before, which is as good.
  H5dont_atexit();
  if (H5open() < 0 || H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr) < 0) throw Error("the HDF5 library does not start");
  silent = true;
}

Error library_error(const std::string& what) {
  std::string reason;
  if (H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, take_innermost, &reason) < 0) reason.clear();
  H5Eclear2(H5E_DEFAULT);
  return Error(reason.empty() ? what : what + ": " + one_line(reason));
}

Handle::Handle(hid_t id, const std::string& what) : id_(id) {
  if (id < 0) throw library_error(what);
}

void Handle::reset() noexcept {
  if (id_ < 0) return;
  const LibraryLock lock;
  // Counting down a reference closes any kind of object. What matters of a close (a file that was written) is closed by
  // name, with its result checked; here there is nobody to tell.
  if (H5Idec_ref(id_) < 0) H5Eclear2(H5E_DEFAULT);
  id_ = H5I_INVALID_HID;
}

}  // namespace trainyard::core::hdf5

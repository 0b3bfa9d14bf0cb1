#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "core/descriptor.h"
#include "core/hdf5.h"
#include "core/hdf5_types.h"

namespace trainyard::core::hdf5 {

namespace {

enum class Use { kRead, kWrite };

bool locking_switched_off() {
  const char* value = std::getenv("HDF5_USE_FILE_LOCKING");
  return value != nullptr && (std::string_view(value) == "FALSE" || std::string_view(value) == "0");
}

/// Whether HDF5 shall lock the file. It treats every failure to lock as fatal but ENOSYS, while NFS without a lock
/// daemon or Lustre mounted without `flock` answers ENOLCK, EOPNOTSUPP and others: so that is asked beforehand. Throws
/// Busy where someone holds the lock.
bool can_lock(const std::filesystem::path& path, Use use) {
  const Descriptor file(path, use == Use::kRead ? O_RDONLY : O_RDWR);
  if (locking_switched_off()) return false;
  if (::flock(file.get(), (use == Use::kRead ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0) return true;
  if (errno == EWOULDBLOCK) throw File::Busy("cannot open " + path.string() + ": another process is using it");
  return false;
}

Handle access_properties(Use use, bool lock, const std::string& what) {
  Handle properties(H5Pcreate(H5P_FILE_ACCESS), what);
  check(H5Pset_file_locking(properties.id(), lock, true), what);
  // Closing the file closes it for good, whatever is still open in it.
  check(H5Pset_fclose_degree(properties.id(), H5F_CLOSE_STRONG), what);
  // The format of HDF5 1.8: every program reads it, its metadata carry checksums and are small, and unlike that of 1.10
  // it has no mark of being written, which would keep a file whose writer was killed from being opened.
  if (use == Use::kWrite) check(H5Pset_libver_bounds(properties.id(), H5F_LIBVER_V18, H5F_LIBVER_V18), what);
  return properties;
}

/// Sized for files of many small columns: the defaults reserve 2 KiB for the chunk index of each.
Handle creation_properties(std::uint64_t user_block, const std::string& what) {
  constexpr unsigned kIndexRank = 8;
  constexpr unsigned kMostCompactAttributes = 64;
  Handle properties(H5Pcreate(H5P_FILE_CREATE), what);
  check(H5Pset_userblock(properties.id(), user_block), what);
  check(H5Pset_istore_k(properties.id(), kIndexRank), what);
  check(H5Pset_attr_phase_change(properties.id(), kMostCompactAttributes, 0), what);
  return properties;
}

Handle open_file(const std::filesystem::path& path, Use use) {
  const std::string what = "cannot open " + path.string();
  if (std::filesystem::is_directory(path)) throw Error(what + ": it is a folder");
  const Handle properties = access_properties(use, can_lock(path, use), what);
  const hid_t id = H5Fopen(path.c_str(), use == Use::kRead ? H5F_ACC_RDONLY : H5F_ACC_RDWR, properties.id());
  if (id >= 0) return {id, what};
  Error error = library_error(what);
  // Locked in the moment since it was asked.
  if (std::string_view(error.what()).find("unable to lock file") != std::string_view::npos) {
    throw File::Busy(what + ": another process is using it");
  }
  throw error;
}

}  // namespace

File File::open_for_reading(const std::filesystem::path& path) {
  const LibraryLock lock;
  return {open_file(path, Use::kRead), path};
}

File File::open_for_writing(const std::filesystem::path& path) {
  const LibraryLock lock;
  return {open_file(path, Use::kWrite), path};
}

File File::create(const std::filesystem::path& path, std::uint64_t user_block) {
  const LibraryLock lock;
  const std::string what = "cannot create " + path.string();
  Descriptor(path, O_RDWR | O_CREAT).close();  // for the system's reason where it fails, and to ask about locks
  const Handle properties = access_properties(Use::kWrite, can_lock(path, Use::kWrite), what);
  // The format of 1.8 stamps the root group with the time, whatever it is asked.
  if (user_block > 0) check(H5Pset_libver_bounds(properties.id(), H5F_LIBVER_EARLIEST, H5F_LIBVER_V18), what);
  const Handle creation = creation_properties(user_block, what);
  return {Handle(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.id(), properties.id()), what), path};
}

void File::close() {
  const LibraryLock lock;
  check(H5Fclose(handle_.release()), "cannot write " + label_);
}

std::string library_version() {
  const LibraryLock lock;
  unsigned major = 0, minor = 0, release = 0;
  check(H5get_libversion(&major, &minor, &release), "cannot ask HDF5 for its version");
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(release);
}

}  // namespace trainyard::core::hdf5

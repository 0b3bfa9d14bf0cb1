#include "log/published_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <random>
#include <system_error>
#include <utility>

#include "core/descriptor.h"
#include "core/error.h"

namespace trainyard::log {

namespace {

/// Unique to this object, so that a second process with the same path cannot touch our shadow before it finds out.
std::filesystem::path hidden_stem(const std::filesystem::path& path) {
  return core::folder_of(path) / fmt::format(".{}.{:08x}", path.filename().string(), std::random_device{}());
}

[[noreturn]] void fail(const std::filesystem::path& path, int error_number) {
  throw core::Error("cannot write " + path.string() + ": " + core::system_error_text(error_number));
}

void remove_if_there(const std::filesystem::path& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) fail(path, errno);
}

/// link(2); false where the file system has no hard links.
bool try_link(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::link(from.c_str(), to.c_str()) == 0) return true;
  if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK) return false;
  fail(to, errno);
}

void rename_over(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) fail(to, errno);
}

}  // namespace

PublishedFile::PublishedFile(std::filesystem::path path)
    : path_(std::move(path)), shadow_(hidden_stem(path_)), spare_(shadow_) {
  shadow_ += ".next";
  spare_ += ".spare";
}

PublishedFile::~PublishedFile() {
  std::error_code ignored;
  std::filesystem::remove(shadow_, ignored);
  std::filesystem::remove(spare_, ignored);
}

core::hdf5::File PublishedFile::create_next() {
  remove_if_there(shadow_);
  return core::hdf5::File::create(shadow_);
}

PublishedFile::Next PublishedFile::open_next() {
  if (std::filesystem::exists(shadow_)) {
    try {
      return {core::hdf5::File::open_for_writing(shadow_), false};
    } catch (const core::hdf5::File::Busy&) {
      // Its reader opened it while it was published and may go on reading: this name is all that it loses.
    }
  }
  copy_published();
  return {core::hdf5::File::open_for_writing(shadow_), true};
}

void PublishedFile::copy_published() const {
  remove_if_there(shadow_);
  core::Descriptor from(path_, O_RDONLY);
  core::Descriptor to(shadow_, O_WRONLY | O_CREAT | O_EXCL);
  std::array<char, 1 << 16> buffer;
  while (const std::size_t count = from.read_some(buffer))
    to.write_all({buffer.data(), count});
  to.close();
}

void PublishedFile::sync_shadow() const {
  core::Descriptor(shadow_, O_RDWR).sync();
}

void PublishedFile::publish_first() {
  sync_shadow();
  // Unlike rename, link refuses a name that is taken: two processes that both believe to be this rank are found out.
  if (!try_link(shadow_, path_)) {
    if (std::filesystem::exists(path_)) fail(path_, EEXIST);
    rename_over(shadow_, path_);
  } else {
    remove_if_there(shadow_);
  }
  core::sync_folder(core::folder_of(path_));
}

void PublishedFile::publish() {
  sync_shadow();
  const bool linked = try_link(path_, spare_);
  rename_over(shadow_, path_);
  if (linked) rename_over(spare_, shadow_);
  core::sync_folder(core::folder_of(path_));
}

void PublishedFile::publish_last() {
  sync_shadow();
  rename_over(shadow_, path_);
  core::sync_folder(core::folder_of(path_));
}

}  // namespace trainyard::log

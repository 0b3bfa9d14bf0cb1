#pragma once

#include <filesystem>

#include "core/hdf5.h"

namespace trainyard::log {

/// An HDF5 file that grows by versions and is whole under its name at every instant, although each version costs only
/// what it adds. Two files take turns: one is published under the name, the other is its shadow, a hidden neighbour
/// that lacks the last additions. A version is made by bringing the shadow up to date and closing it, then swapping the
/// names with link and rename, each of which is atomic on POSIX, NFS and Lustre:
///
///     link(NAME, SPARE)      SPARE and NAME are the old version
///     rename(SHADOW, NAME)   NAME is the new version
///     rename(SPARE, SHADOW)  the old version is the next shadow
///
/// A process killed in between leaves a whole NAME and a hidden file, ".NAME.XXXXXXXX.next" or ".spare". Data reach the
/// disk before a name does, and names before their file is written again, so the same holds when the machine goes down.
///
/// Where the shadow cannot be reused (a reader still holds the lock of the former version, the file system knows no
/// links) a copy of the published file takes its place.
class PublishedFile {
 public:
  /// Does nothing yet. The folder must exist.
  explicit PublishedFile(std::filesystem::path path);
  /// Deletes the hidden files.
  ~PublishedFile();
  PublishedFile(const PublishedFile&) = delete;
  PublishedFile& operator=(const PublishedFile&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// A new, empty shadow, for the first version or one made from scratch.
  core::hdf5::File create_next();

  struct Next {
    core::hdf5::File file;
    bool up_to_date;  ///< it holds all that is published; else it lacks what the last version added
  };
  /// The shadow, open for writing.
  Next open_next();

  /// Publishes the closed shadow as the first version; core::Error where the name is taken.
  void publish_first();
  /// Publishes the closed shadow; the version so far becomes the next shadow.
  void publish();
  /// Publishes the closed shadow for good; no shadow is left.
  void publish_last();

 private:
  void sync_shadow() const;
  void copy_published() const;
  std::filesystem::path path_;
  std::filesystem::path shadow_;
  std::filesystem::path spare_;
};

}  // namespace trainyard::log

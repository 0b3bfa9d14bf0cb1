#include "core/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <random>
#include <string>

#include "core/descriptor.h"
#include "core/error.h"

namespace trainyard::core {

namespace {

/// Deletes the temporary file unless it was renamed away.
class TemporaryName {
 public:
  explicit TemporaryName(const std::filesystem::path& target) {
    // By chance, not by process number: one that a killed program left behind must not be in the way of a later one.
    std::random_device random;
    path_ = folder_of(target) /
            ("." + target.filename().string() + "." + std::to_string(random()) + std::to_string(random()) + ".tmp");
  }
  ~TemporaryName() {
    std::error_code ignored;
    if (!renamed_) std::filesystem::remove(path_, ignored);
  }
  TemporaryName(const TemporaryName&) = delete;
  TemporaryName& operator=(const TemporaryName&) = delete;

  const std::filesystem::path& path() const { return path_; }

  void rename_to(const std::filesystem::path& target) {
    std::error_code error;
    std::filesystem::rename(path_, target, error);
    if (error) throw Error("cannot write " + target.string() + ": " + error.message());
    renamed_ = true;
  }

 private:
  std::filesystem::path path_;
  bool renamed_ = false;
};

}  // namespace

void write_file_atomically(const std::filesystem::path& path, std::string_view content) {
  if (std::filesystem::is_directory(path)) throw Error("cannot write " + path.string() + ": it is a folder");
  TemporaryName temporary(path);
  try {
    Descriptor file(temporary.path(), O_WRONLY | O_CREAT | O_EXCL);
    struct stat existing {};
    if (::stat(path.c_str(), &existing) == 0 && ::fchmod(file.get(), existing.st_mode & 07777) != 0) {
      throw Error("cannot keep the permissions of " + path.string() + ": " + system_error_text(errno));
    }
    file.write_all(content);
    file.sync();
    file.close();
  } catch (const Error& error) {
    // The user knows the target, not the temporary name: say both.
    throw Error("cannot write " + path.string() + " (" + error.what() + ")");
  }
  temporary.rename_to(path);
  sync_folder(folder_of(path));
}

}  // namespace trainyard::core

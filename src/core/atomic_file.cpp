#include "core/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>

#include "core/descriptor.h"
#include "core/error.h"
#include "core/temporary_name.h"

namespace trainyard::core {

void write_file_atomically(const std::filesystem::path& path, std::string_view content, Durability durability) {
  write_file_atomically(path, std::span(&content, 1), durability);
}

void write_file_atomically(const std::filesystem::path& path, std::span<const std::string_view> parts,
                           Durability durability) {
  if (std::filesystem::is_directory(path)) throw Error("cannot write " + path.string() + ": it is a folder");
  TemporaryName temporary(path);
  try {
    Descriptor file(temporary.path(), O_WRONLY | O_CREAT | O_EXCL);
    struct stat existing {};
    if (::stat(path.c_str(), &existing) == 0 && ::fchmod(file.get(), existing.st_mode & 07777) != 0) {
      throw Error("cannot keep the permissions of " + path.string() + ": " + system_error_text(errno));
    }
    for (const std::string_view part : parts)
      file.write_all(part);
    if (durability == Durability::kSynced) file.sync();
    file.close();
  } catch (const Error& error) {
    // The user knows the target, not the temporary name: say both.
    throw Error("cannot write " + path.string() + " (" + error.what() + ")");
  }
  temporary.rename_to_target(durability);
}

}  // namespace trainyard::core

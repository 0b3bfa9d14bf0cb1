#include "core/temporary_name.h"

#include <random>
#include <string>
#include <system_error>

#include "core/descriptor.h"
#include "core/error.h"

namespace trainyard::core {

TemporaryName::TemporaryName(const std::filesystem::path& target) : target_(target) {
  // By chance, not by process number: one that a killed program left behind must not be in the way of a later one.
  std::random_device random;
  path_ = folder_of(target) /
          ("." + target.filename().string() + "." + std::to_string(random()) + std::to_string(random()) + ".tmp");
}

TemporaryName::~TemporaryName() {
  std::error_code ignored;
  if (!renamed_) std::filesystem::remove(path_, ignored);
}

void TemporaryName::rename_to_target(Durability durability) {
  std::error_code error;
  std::filesystem::rename(path_, target_, error);
  if (error) throw Error("cannot write " + target_.string() + ": " + error.message());
  renamed_ = true;
  if (durability == Durability::kSynced) sync_folder(folder_of(target_));
}

}  // namespace trainyard::core

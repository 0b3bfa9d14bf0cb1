#pragma once

#include <filesystem>

#include "core/atomic_file.h"

namespace trainyard::core {

/// A name beside `target`, hidden and not in use, for what shall appear under that name at once. What stands under it
/// is deleted unless it was renamed.
class TemporaryName {
 public:
  explicit TemporaryName(const std::filesystem::path& target);
  ~TemporaryName();
  TemporaryName(const TemporaryName&) = delete;
  TemporaryName& operator=(const TemporaryName&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Replaces the target and makes its name durable, where that is asked for. @throws core::Error naming it.
  void rename_to_target(Durability durability = Durability::kSynced);

 private:
  std::filesystem::path target_;
  std::filesystem::path path_;
  bool renamed_ = false;
};

}  // namespace trainyard::core

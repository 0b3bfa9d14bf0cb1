#pragma once

#include <memory>

#include "comm/bootstrap.h"
#include "config/run_config.h"
#include "data/staging.h"

namespace trainyard::training {

/// stage-data: the packed file that data-dir names, copied to each node's own disk by the node's first rank.
class StagedData {
 public:
  /// Collective, within agree(): no copy may be opened before all ranks came out of it.
  /// @throws core::UsageError where data-dir is no packed file, or the node has no folder or no room for it.
  StagedData(const config::RunConfig& config, const comm::World& world);

  /// With the copy as data-dir.
  const config::RunConfig& config() const { return config_; }

 private:
  config::RunConfig config_;
  std::unique_ptr<data::StagedFile> copy_;  ///< on the node's first rank
};

}  // namespace trainyard::training

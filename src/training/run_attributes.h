#pragma once

#include <cstdint>

#include "comm/bootstrap.h"
#include "config/run_config.h"
#include "log/schema.h"
#include "parallel/strategy.h"
#include "training/run_folder.h"

namespace trainyard::training {

/// The log's time zero: this rank's moment of calling, and how it lies against rank 0's.
struct LogZero {
  std::int64_t steady_ns = 0;        ///< on this rank's core::steady_ns()
  std::int64_t unix_ns = 0;          ///< at that moment, by this node's wall clock
  std::int64_t clock_offset_ns = 0;  ///< this rank's time in the log less rank 0's at the same moment
};

/// Collective over control.
LogZero agree_on_zero(const comm::World& world);

/// What the log of any run says: which one it is, where it runs, and on what.
log::RunAttributes describe_place(const config::RunConfig& config, const comm::World& world, const RunFolder& folder,
                                  const LogZero& zero);

/// The root attributes of this rank's timing log.
log::RunAttributes describe_run(const config::RunConfig& config, const comm::World& world,
                                const parallel::Strategy& strategy, const RunFolder& folder, const LogZero& zero);

}  // namespace trainyard::training

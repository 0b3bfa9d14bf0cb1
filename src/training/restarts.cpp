#include "training/restarts.h"

#include <fmt/format.h>

#include <cstdlib>

#include "core/error.h"
#include "core/text.h"

namespace trainyard::training {

void refuse_fruitless_restart(const config::RunConfig& config, const RunFolder& folder,
                              const std::optional<ResumePoint>& resumed) {
  const char* count = std::getenv("SLURM_RESTART_COUNT");
  if (count == nullptr || core::parse_int64(count).value_or(0) == 0) return;
  // A checkpoint of start r, taken up by start n: those between have saved nothing.
  const std::int64_t fruitless = folder.restart() - (resumed ? resumed->note.restart + 1 : 0);
  if (fruitless < config.restarts_without_progress) return;
  throw core::Error(
      fmt::format("given up: {} starts of this job in a row saved no checkpoint: give it more time, set "
                  "checkpoint-every, or raise restarts-without-progress; {} says what each did",
                  fruitless, folder.root().string()));
}

}  // namespace trainyard::training

#include "training/out_of_memory.h"

#include <c10/util/Exception.h>
#include <fmt/format.h>

#include <new>
#include <string>

#include "core/error.h"
#include "core/text.h"

namespace trainyard::training {
namespace {

std::string mend(const config::RunConfig& config) {
  std::string text = fmt::format(
      "lower batch-size ({}) and raise accumulate ({}) by the same factor, which keeps the samples of a step",
      config.batch_size, config.accumulate);
  if (config.activation_checkpointing == config::Checkpointing::kNone) text += "; activation-checkpointing = block";
  if (config.strategy != config::StrategyKind::kZero3) text += "; strategy = zero3 over several ranks";
  return text + "; train --probe-batch finds the largest batch-size";
}

}  // namespace

void naming_out_of_memory(const config::RunConfig& config, const std::function<void()>& body) {
  try {
    body();
  } catch (const c10::OutOfMemoryError& error) {
    throw core::Error(
        fmt::format("out of memory: {}: {}", core::one_line(error.what_without_backtrace()), mend(config)));
  } catch (const std::bad_alloc&) {  // of the loader's batches, say
    throw core::Error(fmt::format("out of memory on the host: {}", mend(config)));
  }
}

}  // namespace trainyard::training

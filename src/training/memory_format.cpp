#include "training/memory_format.h"

namespace trainyard::training {
namespace {

constexpr std::int64_t kFasterFrom = 32;  // pixels a side

}  // namespace

config::MemoryFormat memory_format(const config::RunConfig& config, const data::Dataset& dataset, at::Device device) {
  if (config.memory_format != config::MemoryFormat::kAuto) return config.memory_format;
  const auto* images = dynamic_cast<const data::ImageDataset*>(&dataset);
  const bool faster = images != nullptr && device.is_cpu() && images->shape().width >= kFasterFrom;
  return faster ? config::MemoryFormat::kChannelsLast : config::MemoryFormat::kContiguous;
}

}  // namespace trainyard::training

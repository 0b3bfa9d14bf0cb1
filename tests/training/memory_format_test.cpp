#include "training/memory_format.h"

#include <gtest/gtest.h>

#include "data/datasets.h"

namespace trainyard::training {
namespace {

using config::MemoryFormat;

MemoryFormat format_of(MemoryFormat given, std::int64_t image_size, at::DeviceType device = at::kCPU) {
  config::RunConfig config;
  config.data = config::Data::kSynthetic;
  config.image_size = image_size;
  config.memory_format = given;
  return memory_format(config, *data::open(config).train, device);
}

TEST(MemoryFormat, AutoIsChannelsLastOnACpuFrom32PixelsASide) {
  EXPECT_EQ(format_of(MemoryFormat::kAuto, 32), MemoryFormat::kChannelsLast);
  EXPECT_EQ(format_of(MemoryFormat::kAuto, 28), MemoryFormat::kContiguous);
}

TEST(MemoryFormat, AutoIsContiguousOnCudaWhereNothingWasMeasured) {
  EXPECT_EQ(format_of(MemoryFormat::kAuto, 224, at::kCUDA), MemoryFormat::kContiguous);
}

TEST(MemoryFormat, OfTextIsContiguous) {
  config::RunConfig config;
  config.model = config::Model::kRobertaTiny;
  config.data = config::Data::kSynthetic;
  EXPECT_EQ(memory_format(config, *data::open(config).train, at::kCPU), MemoryFormat::kContiguous);
}

TEST(MemoryFormat, GivenIsKept) {
  EXPECT_EQ(format_of(MemoryFormat::kContiguous, 64), MemoryFormat::kContiguous);
  EXPECT_EQ(format_of(MemoryFormat::kChannelsLast, 8, at::kCUDA), MemoryFormat::kChannelsLast);
}

}  // namespace
}  // namespace trainyard::training

#include "training/out_of_memory.h"

#include <ATen/ops/empty.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <new>
#include <stdexcept>
#include <string>

#include "core/error.h"
#include "timing/host_memory.h"

namespace trainyard::training {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string error_of(const config::RunConfig& config, const std::function<void()>& body) {
  try {
    naming_out_of_memory(config, body);
  } catch (const core::Error& error) {
    return error.what();
  }
  return "no error";
}

void take_a_gibibyte() {
  timing::count_host_memory();
  timing::limit_host_memory(1 << 20);
  at::empty({1 << 30}, at::kByte);
}

TEST(OutOfMemoryTest, NamesTheKeysToChange) {
  config::RunConfig config;
  config.batch_size = 512;
  const std::string error = error_of(config, take_a_gibibyte);
  EXPECT_THAT(error, AllOf(HasSubstr("out of memory"), HasSubstr("1024.0 MiB"), HasSubstr("batch-size (512)"),
                           HasSubstr("accumulate"), HasSubstr("activation-checkpointing"), HasSubstr("zero3")));
  EXPECT_THAT(error, Not(HasSubstr("\n")));
}

TEST(OutOfMemoryTest, DoesNotAdviseWhatIsDoneAlready) {
  config::RunConfig config;
  config.activation_checkpointing = config::Checkpointing::kBlock;
  EXPECT_THAT(error_of(config, take_a_gibibyte), Not(HasSubstr("activation-checkpointing")));
}

TEST(OutOfMemoryTest, TheHostsOwnMemoryCountsTooAndOtherErrorsPass) {
  EXPECT_THAT(error_of({}, [] { throw std::bad_alloc(); }), HasSubstr("batch-size"));
  EXPECT_EQ(error_of({}, [] { throw core::Error("another"); }), "another");
}

}  // namespace
}  // namespace trainyard::training

#include "inference/module_file.h"

#include <ATen/ops/randn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <span>
#include <string>

#include "core/error.h"
#include "core/file.h"
#include "inference/graph_runner.h"
#include "inference/networks.h"
#include "inference/trace.h"
#include "support/temporary_folder.h"

namespace trainyard::inference {
namespace {

using ::testing::HasSubstr;

class ModuleFile : public ::testing::Test {
 protected:
  std::string whole() {
    const auto model = test::FreeModel::make(
        [](const at::Tensor& x, const auto& first, const auto& second) { return second.forward(first.forward(x)); });
    save_module(traced_and_frozen(*model, at::randn({1, 8, 6, 6})), folder_ / "whole.pt");
    return core::read_file(folder_ / "whole.pt");
  }

  /// What is said of a file of these bytes; empty where it loads.
  std::string refusal(const std::string& bytes) {
    const auto file =
        folder_.write("damaged.pt", std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()));
    try {
      load_module(file, at::kCPU);
      return "";
    } catch (const core::Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("damaged.pt"));
      EXPECT_THAT(error.what(), ::testing::Not(HasSubstr("\n")));
      return error.what();
    }
  }

  trainyard::testing::TemporaryFolder folder_;
};

TEST_F(ModuleFile, GivesBackWhatWasSaved) {
  EXPECT_EQ(refusal(whole()), "");
}

TEST_F(ModuleFile, IsNamedWhereItIsMissingOrAnotherKindOfFile) {
  EXPECT_THROW(load_module(folder_ / "none.pt", at::kCPU), core::Error);
  EXPECT_NE(refusal(""), "");
  EXPECT_NE(refusal("model = resnet18\n"), "");
  EXPECT_NE(refusal(std::string(100'000, '\0')), "");
}

TEST_F(ModuleFile, IsRefusedWhereverItIsCut) {
  const std::string bytes = whole();
  for (std::size_t length = 1; length < bytes.size(); length += bytes.size() / 60 + 1)
    EXPECT_NE(refusal(bytes.substr(0, length)), "") << length;
}

TEST_F(ModuleFile, DamageIsSurvived) {
  const std::string bytes = whole();
  std::mt19937 random(1);
  for (int file = 0; file < 200; ++file) {
    std::string damaged = bytes;
    for (int hit = 0; hit < 3; ++hit)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    static_cast<void>(refusal(damaged));  // refused or read, but no crash
  }
}

TEST_F(ModuleFile, ARecordThatClaimsMoreThanTheFileHoldsIsRefusedBeforeItIsAllocated) {
  std::string bytes = whole();
  // The zip's directory at the end: its entries begin with PK\1\2, with the sizes at 20 (stored) and 24 (unpacked).
  std::size_t entries = 0;
  for (std::size_t at = bytes.find("PK\1\2"); at != std::string::npos; at = bytes.find("PK\1\2", at + 1)) {
    for (const std::size_t field : {at + 20, at + 24})
      bytes.replace(field, 4, "\xff\xff\xff\x7f");
    ++entries;
  }
  ASSERT_GT(entries, 3U);
  EXPECT_NE(refusal(bytes), "");
}

}  // namespace
}  // namespace trainyard::inference

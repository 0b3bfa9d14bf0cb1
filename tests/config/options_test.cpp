#include "config/options.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "config/parse.h"
#include "core/file.h"
#include "refusal.h"

namespace trainyard::config {
namespace {

using test::refusal;

/// A value of the key that is not its default.
std::string other_value(const Option& option) {
  for (const char* candidate :
       {"true",  "fp16",  "resnet50",    "cifar10", "dp",       "adam", "cosine", "cpu", "imagenet", "channels-last",
        "block", "gpipe", "torchscript", "64M",     "02:00:00", "0.25", "9",      "x",   "false",    "60"}) {
    RunConfig config;
    try {
      option.set(config, candidate);
    } catch (const core::UsageError&) {
      continue;
    }
    if (option.get(config) != option.default_value()) return candidate;
  }
  ADD_FAILURE() << "no other value for " << option.key;
  return {};
}

TEST(Options, KeysAreUniqueAndHelpful) {
  std::set<std::string> keys;
  for (const Option& option : option_table()) {
    EXPECT_TRUE(keys.insert(option.key).second) << option.key;
    EXPECT_FALSE(option.help.empty()) << option.key;
    EXPECT_FALSE(option.allowed.empty()) << option.key;
    EXPECT_EQ(find_option(option.key), &option);
  }
}

TEST(Options, EveryValueReadsBackAsItIsWritten) {
  for (const Option& option : option_table()) {
    RunConfig config;
    option.set(config, other_value(option));
    RunConfig again;
    option.set(again, option.get(config));
    EXPECT_EQ(option.get(again), option.get(config)) << option.key;
    EXPECT_EQ(config.slurm.has_value(), option.in_slurm_section()) << option.key;
    EXPECT_EQ(config.inference.has_value(), option.in_inference_section()) << option.key;
  }
}

TEST(Options, DefaultsAreAllowedValues) {
  for (const Option& option : option_table()) {
    RunConfig config;
    EXPECT_NO_THROW(option.set(config, option.default_value())) << option.key;
  }
}

TEST(Options, ARefusedSlurmValueLeavesNoSectionBehind) {
  RunConfig config;
  refusal([&] { find_option("slurm.nodes")->set(config, "none"); });
  EXPECT_FALSE(config.slurm);
}

TEST(Options, NumbersAreWholeFiniteAndInRange) {
  RunConfig config;
  for (const char* value : {"", "-1", "0", "1e3", "3x", " 3", "0x10", "4294967297", "99999999999999999999", "3.0"}) {
    EXPECT_THROW(find_option("batch-size")->set(config, value), core::UsageError) << value;
  }
  for (const char* value : {"", "0", "-0.1", "nan", "inf", "1e400", "0.1f", "100.1", "0,1"}) {
    EXPECT_THROW(find_option("lr")->set(config, value), core::UsageError) << value;
  }
  EXPECT_THROW(find_option("momentum")->set(config, "1"), core::UsageError);
  EXPECT_NO_THROW(find_option("momentum")->set(config, "0"));
  EXPECT_NO_THROW(find_option("max-steps")->set(config, "0"));
  EXPECT_THROW(find_option("image-size")->set(config, "7"), core::UsageError);
}

TEST(CanonicalText, ReadsBackToTheSameConfiguration) {
  RunConfig config;
  for (const Option& option : option_table())
    option.set(config, other_value(option));
  config.sync_batchnorm = false;  // not together with several devices a rank
  const auto reads_back = [&] { return to_text(parse_text(to_text(config), "log", "log")) == to_text(config); };
  EXPECT_TRUE(reads_back()) << to_text(config);
  config.slurm.reset();
  EXPECT_TRUE(reads_back()) << to_text(config);
  config.inference.reset();
  EXPECT_TRUE(reads_back()) << to_text(config);
}

TEST(CanonicalText, KeepsEveryDigitOfANumber) {
  RunConfig config;
  config.lr = 0.1 + 0.2;
  EXPECT_EQ(parse_text(to_text(config), "log", "log").lr, config.lr);
}

TEST(Digest, ChangesWithEveryKeyThatChangesWhatIsComputed) {
  const std::string base = config_digest(RunConfig{});
  EXPECT_EQ(base.size(), 16U);
  for (const Option& option : option_table()) {
    RunConfig config;
    option.set(config, other_value(option));
    constexpr std::array kLife{"output",
                               "resume",
                               "rebatch",
                               "checkpoint-every",
                               "checkpoints-kept",
                               "restarts-without-progress",
                               "collective-timeout"};
    const bool is_same_run = std::ranges::count(kLife, option.key) > 0 || option.in_slurm_section();
    EXPECT_EQ(config_digest(config) == base, is_same_run) << option.key;
  }
  RunConfig renamed;
  renamed.name = "other";
  EXPECT_EQ(config_digest(renamed), base);
}

TEST(Digest, OfTrainingKnowsNothingOfInference) {
  RunConfig config;
  const std::string base = config_digest(config);
  config.inference.emplace();
  EXPECT_NE(config_digest(config), base);
  const std::string answering = config_digest(config);
  config.lr = 0.5;
  EXPECT_EQ(config_digest(config), answering) << "a key that inference does not know";
}

TEST(Options, BatchSizesAreAListOfDifferentSizes) {
  RunConfig config;
  const Option& option = *find_option("inference.batch-sizes");
  option.set(config, "8, 1,64");
  EXPECT_EQ(config.inference->batch_sizes, (std::vector<std::int64_t>{8, 1, 64}));
  EXPECT_EQ(option.get(config), "8,1,64");
  for (const char* value : {"", "0", "8,", "8 16", "8,8", "65537", "-1", "8;16"})
    EXPECT_THROW(option.set(config, value), core::UsageError) << value;
}

TEST(Reference, DocsConfigurationIsThatOfTheTable) {
  const std::filesystem::path source = std::getenv("TRAINYARD_SOURCE_DIR");
  EXPECT_EQ(core::read_file(source / "docs" / "configuration.md"), markdown_reference())
      << "write it again: tools/generate --keys > docs/configuration.md";
}

}  // namespace
}  // namespace trainyard::config

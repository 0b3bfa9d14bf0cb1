#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "config/parse.h"
#include "refusal.h"

namespace trainyard::config {
namespace {

using test::refusal;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

RunConfig parse(std::string_view text) {
  return parse_text(text, "a.cfg", "a");
}

std::string refused(std::string_view text) {
  return refusal([&] { parse(text); });
}

TEST(ConfigFile, ReadsKeysCommentsAndTheSlurmSection) {
  const RunConfig config = parse(
      "# study 2\n"
      "model = resnet34\r\n"
      "  lr=0.005  \n"
      "\n"
      "data-dir = /data/my sets=1\n"
      "augment = true\n"
      "[slurm]\n"
      "nodes = 2\n"
      "memory = 64GB\n"
      "time = 1-12:30:00");
  EXPECT_EQ(config.name, "a");
  EXPECT_EQ(config.model, Model::kResnet34);
  EXPECT_EQ(config.lr, 0.005);
  EXPECT_EQ(config.data_dir, "/data/my sets=1");
  EXPECT_TRUE(config.augment);
  ASSERT_TRUE(config.slurm);
  EXPECT_EQ(config.slurm->nodes, 2);
  EXPECT_EQ(config.slurm->memory_mib, 65536);
  EXPECT_EQ(config.slurm->time_s, 36 * 3600 + 30 * 60);
  EXPECT_EQ(config.slurm->ranks_per_node, 1);
}

TEST(ConfigFile, AnEmptyTextIsTheDefaultsWithoutASlurmSection) {
  const RunConfig config = parse("");
  EXPECT_FALSE(config.slurm);
  EXPECT_EQ(to_text(config), to_text(RunConfig{}));
}

TEST(ConfigFile, AnEmptySlurmSectionIsOne) {
  EXPECT_TRUE(parse("[slurm]\n").slurm);
}

TEST(ConfigFile, RefusesAnUnknownKeyWithTheNearestAndItsLine) {
  EXPECT_EQ(refused("\n\nbatchsize = 3\n"), "a.cfg:3: unknown key batchsize (did you mean batch-size?)");
  EXPECT_EQ(refused("[slurm]\nnode = 3\n"), "a.cfg:2: unknown key slurm.node (did you mean slurm.nodes?)");
  EXPECT_EQ(refused("nodes = 3\n"), "a.cfg:1: unknown key nodes: it belongs under [slurm]");
  EXPECT_EQ(refused("[slurn]\nnodes = 3\n"),
            "a.cfg: unknown section [slurn] (did you mean [slurm]?): only [inference], [slurm], [study] are some");
}

TEST(ConfigFile, RefusesAnAbbreviatedKey) {
  EXPECT_THAT(refused("epoch = 3\n"), HasSubstr("unknown key epoch"));
}

TEST(ConfigFile, RefusesAHashWithinAValueInsteadOfCuttingIt) {
  EXPECT_THAT(refused("output = runs/ab#cd\n"), AllOf(StartsWith("a.cfg:1: "), HasSubstr("#")));
  EXPECT_THAT(refused("lr = 0.1 # as in the paper\n"), StartsWith("a.cfg:1: "));
}

TEST(ConfigFile, RefusesARepeatedKeyNamingBothLines) {
  EXPECT_EQ(refused("lr = 0.1\nepochs = 2\nlr = 0.2\n"), "a.cfg:3: lr is given twice: line 1 has it already");
  EXPECT_EQ(refused("[slurm]\nnodes = 1\n[slurm]\nnodes = 2\n"),
            "a.cfg:4: nodes is given twice: line 2 has it already");
}

TEST(ConfigFile, RefusesWhatIsNotALineOfTheSyntax) {
  EXPECT_THAT(refused("model resnet18\n"), StartsWith("a.cfg:1: 'model resnet18'"));
  EXPECT_THAT(refused("= 3\n"), StartsWith("a.cfg:1: no key"));
  EXPECT_THAT(refused("batch size = 3\n"), StartsWith("a.cfg:1: 'batch size' is not a key"));
  EXPECT_THAT(refused("slurm.nodes = 3\n"), AllOf(StartsWith("a.cfg:1: "), HasSubstr("[slurm]")));
  EXPECT_THAT(refused("[slurm\nnodes = 3\n"), StartsWith("a.cfg:1: '[slurm' is not a section"));
  EXPECT_THAT(refused(std::string_view("lr = 0.1\nout\0put = 3\n", 21)), StartsWith("a.cfg:2: holds a control"));
  EXPECT_THAT(refused("output = \x1b[31m\n"), StartsWith("a.cfg:1: holds a control"));
}

TEST(ConfigFile, NamesFileLineAndKeyOfAValueThatIsNotAllowed) {
  EXPECT_EQ(refused("\nprecision = fp61\n"),
            "a.cfg:2: precision: 'fp61' is not allowed: fp32|tf32|amp|fp16|bf16 (did you mean fp16?)");
  EXPECT_EQ(refused("[slurm]\nnodes = 0\n"), "a.cfg:2: nodes: '0' is not allowed: 1 to 10000");
  EXPECT_EQ(refused("workers = -1\n"), "a.cfg:1: workers: '-1' is not allowed: 1 to 256, or 0: load in line");
  EXPECT_EQ(refused("seed = -1\n"), "a.cfg:1: seed: '-1' is not allowed: 0 to 9007199254740992");
}

TEST(ConfigFile, SaysWhereSeveralValuesAreAllowed) {
  EXPECT_EQ(
      refused("lr = 0.1 0.2\n"),
      "a.cfg:1: lr: '0.1 0.2' is not allowed: above 0 to 100; several values are for a study, a file with a [study] "
      "section");
  EXPECT_THAT(refused("lr = 0.1 x\n"), EndsWith("above 0 to 100"));
}

TEST(ConfigFile, NamesTheFileOfACombinationThatCannotRun) {
  EXPECT_EQ(refused("warmup = 5\nepochs = 3\n"),
            "a.cfg: warmup = 5 is longer than epochs = 3: lower one or raise the other");
  EXPECT_THAT(refused("data = digits\nbatch-size = 1\n"), HasSubstr("batch norm"));
  EXPECT_NO_THROW(parse("data = cifar10\nbatch-size = 1\n"));
  EXPECT_NO_THROW(parse("data = digits\nimage-size = 32\nbatch-size = 1\n"));
}

TEST(ConfigFile, RanksMustSuitTheStrategy) {
  RunConfig config = parse("strategy = single\n");
  EXPECT_NO_THROW(validate_ranks(config, 1));
  EXPECT_THAT(refusal([&] { validate_ranks(config, 2); }), HasSubstr("strategy = ddp"));
  config.strategy = StrategyKind::kDdp;
  EXPECT_NO_THROW(validate_ranks(config, 2));
  EXPECT_NO_THROW(validate_ranks(config, 1));
  config.strategy = StrategyKind::kPipeline;
  EXPECT_NO_THROW(validate_ranks(config, 3));
  config.stages = 2;
  EXPECT_NO_THROW(validate_ranks(config, 4));
  EXPECT_THAT(refusal([&] { validate_ranks(config, 3); }), HasSubstr("stages = 2 does not divide the 3 ranks"));
  config.strategy = StrategyKind::kDp;
  EXPECT_NO_THROW(validate_ranks(config, 1));
  EXPECT_THAT(refusal([&] { validate_ranks(config, 2); }), HasSubstr("use strategy = ddp"));
  config.strategy = StrategyKind::kModelParallel;
  EXPECT_NO_THROW(validate_ranks(config, 2));
  config.devices = 2;
  EXPECT_NO_THROW(validate_ranks(config, 1));
  EXPECT_THAT(refusal([&] { validate_ranks(config, 2); }), HasSubstr("use devices = 1"));
}

TEST(ConfigFile, PipelinesThatCannotBeAreRefused) {
  const std::string pipeline = "strategy = pipeline\ndata = cifar10\n";
  EXPECT_THAT(refused(pipeline + "micro-batches = 4\nsplit-size = 8\n"), HasSubstr("give one"));
  EXPECT_THAT(refused(pipeline + "micro-batches = 33\n"), HasSubstr("batch-size = 32"));
  EXPECT_THAT(refused(pipeline + "virtual-stages = 2\n"), HasSubstr("pipeline-schedule = interleaved, not 1f1b"));
  EXPECT_THAT(refused(pipeline + "pipeline-schedule = interleaved\n"), HasSubstr("virtual-stages = 2"));
  EXPECT_NO_THROW(parse(pipeline + "pipeline-schedule = interleaved\nvirtual-stages = 2\nsplit-size = 1\n"));
}

TEST(ConfigFile, SeveralDevicesOfARankNeedAStrategyThatDrivesThem) {
  EXPECT_NO_THROW(parse("strategy = dp\ndevices = 2\n"));
  EXPECT_NO_THROW(parse("strategy = model-parallel\ndevices = 2\n"));
  EXPECT_THAT(refused("strategy = ddp\ndevices = 2\n"), HasSubstr("devices = 2 needs strategy = dp"));
}

TEST(ConfigFile, MicroBatchesOfOneSampleAreRefusedWhereBatchNormCannotTakeThem) {
  for (const char* size : {"split-size = 1\n", "micro-batches = 32\n", "micro-batches = 17\n"}) {
    EXPECT_THAT(refused(std::string("strategy = pipeline\ndata = digits\n") + size), HasSubstr("batch norm"));
    EXPECT_NO_THROW(parse(std::string("strategy = pipeline\ndata = cifar10\n") + size));
  }
  EXPECT_NO_THROW(parse("strategy = pipeline\ndata = digits\nmicro-batches = 16\n"));
}

TEST(ConfigFile, AModelReadsWhatTheDataSetHas) {
  EXPECT_THAT(refusal([] { parse("model = resnet18\ndata = sst2\n"); }),
              HasSubstr("model = resnet18 reads images, data = sst2 has text: use a RoBERTa"));
  EXPECT_THAT(refusal([] { parse("model = roberta-tiny\n"); }),
              HasSubstr("model = roberta-tiny reads text, data = digits has images: use data = sst2"));
  for (const char* data : {"sst2", "ag-news", "synthetic"})
    EXPECT_NO_THROW(parse(std::string("model = roberta-base\nbatch-size = 1\ndata = ") + data + "\n"));
  for (const char* key : {"image-size = 32", "augment = true", "memory-format = channels-last",
                          "strategy = ddp\nsync-batchnorm = true", "normalisation = imagenet"}) {
    EXPECT_THAT(refusal([&] { parse(std::string("model = roberta-tiny\ndata = sst2\n") + key + "\n"); }),
                HasSubstr("is for images, and model = roberta-tiny reads text"));
  }
}

TEST(ConfigFile, WhateverItHoldsItIsReadOrRefused) {
  const std::string seed =
      "# comment\nmodel = resnet34\nlr = 0.005\naugment = true\noutput = runs/a\n[slurm]\nnodes = 2\ntime = 01:00:00\n";
  constexpr std::string_view kBytes = "\n\r\t =#[].-:0129aetrun\"'\\\x01\x7f\xff";
  std::mt19937 random(7);
  int read = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string text = seed;
    for (auto edits = random() % 4 + 1; edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      const char byte = kBytes[random() % kBytes.size()];
      switch (random() % 3) {
        case 0:
          text[at] = byte;
          break;
        case 1:
          text.insert(at, 1, byte);
          break;
        default:
          text.erase(at, random() % 8 + 1);
      }
      if (text.empty()) text = "\n";
    }
    try {
      const RunConfig config = parse(text);
      EXPECT_EQ(to_text(parse(to_text(config))), to_text(config)) << text;
      ++read;
    } catch (const core::UsageError&) {
    }
  }
  EXPECT_GT(read, 100);
}

class ConfigOnDisk : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) / "config_file_test";
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }

  std::filesystem::path folder_;
};

TEST_F(ConfigOnDisk, TheRunIsNamedAfterTheFile) {
  EXPECT_EQ(parse_file(write("resnet18_fp16.v2.cfg", "")).name, "resnet18_fp16.v2");
}

TEST_F(ConfigOnDisk, AMissingFileAndAFolderAreNamed) {
  EXPECT_THAT(refusal([&] { parse_file(folder_ / "none.cfg"); }), HasSubstr("none.cfg"));
  std::filesystem::create_directory(folder_ / "folder.cfg");
  EXPECT_THAT(refusal([&] { parse_file(folder_ / "folder.cfg"); }), HasSubstr("folder.cfg"));
}

TEST_F(ConfigOnDisk, RefusesNamesThatSlurmOrAShellWouldReadOtherwise) {
  for (const char* name : {"ab#cd.cfg", "a b.cfg", "$(date).cfg", "%x.cfg", "-n.cfg", ".cfg", "..cfg", "a;b.cfg",
                           "caf\xc3\xa9.cfg", "a'b.cfg", "a\"b.cfg", "a\nb.cfg"}) {
    const std::filesystem::path file = write(name, "");
    // The newline is folded where the message is printed (core::run_main).
    EXPECT_THROW(parse_file(file), core::UsageError) << name;
  }
  EXPECT_THROW(parse_file(write(std::string(101, 'a') + ".cfg", "")), core::UsageError);
}

}  // namespace
}  // namespace trainyard::config

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "config/parse.h"
#include "refusal.h"

namespace trainyard::config {
namespace {

using test::refusal;
using testing::HasSubstr;

using Arguments = std::vector<std::string>;

std::string refused(const Arguments& arguments) {
  return refusal([&] { parse_command_line(arguments); });
}

class CommandLineWithFile : public testing::Test {
 protected:
  void SetUp() override {
    file_ = std::filesystem::path(testing::TempDir()) / "command_line_test.cfg";
    std::ofstream(file_) << "model = resnet34\nepochs = 600\n[slurm]\nnodes = 2\n";
  }
  void TearDown() override { std::filesystem::remove(file_); }
  std::filesystem::path file_;
};

TEST_F(CommandLineWithFile, WinsOverTheFile) {
  const CommandLine line =
      parse_command_line({"--config", file_.string(), "--epochs", "3", "--device=cpu", "--max-steps", "3"});
  EXPECT_EQ(line.action, CommandLine::Action::kRun);
  EXPECT_EQ(line.config.name, "command_line_test");
  EXPECT_EQ(line.config.model, Model::kResnet34);
  EXPECT_EQ(line.config.epochs, 3);
  EXPECT_EQ(line.config.device, DeviceKind::kCpu);
  EXPECT_EQ(line.config.max_steps, 3);
  EXPECT_EQ(line.config.slurm->nodes, 2);
}

TEST_F(CommandLineWithFile, TheBatchProbeTakesKeysAndAMemory) {
  const CommandLine line = parse_command_line(
      {"--config", file_.string(), "--probe-batch", "--probe-memory", "4G", "--activation-checkpointing", "block"});
  EXPECT_EQ(line.action, CommandLine::Action::kProbeBatch);
  EXPECT_EQ(line.probe_memory_mib, 4096);
  EXPECT_EQ(line.config.activation_checkpointing, Checkpointing::kBlock);
  EXPECT_EQ(parse_command_line({"--probe-batch"}).probe_memory_mib, 0);
  EXPECT_THAT(refused({"--probe-batch", "--probe-memory", "4"}), HasSubstr("--probe-memory"));
  EXPECT_THAT(refused({"--probe-memory", "4G"}), HasSubstr("--probe-batch"));
}

TEST_F(CommandLineWithFile, ACombinationIsJudgedAfterBothAreRead) {
  std::ofstream(file_) << "warmup = 5\nepochs = 3\n";
  EXPECT_THAT(refused({"--config", file_.string()}), HasSubstr("command_line_test.cfg: warmup = 5"));
  EXPECT_NO_THROW(parse_command_line({"--config", file_.string(), "--epochs", "5"}));
}

TEST(CommandLine, WithoutAFileIsCalledRun) {
  EXPECT_EQ(parse_command_line({}).config.name, "run");
  EXPECT_EQ(to_text(parse_command_line({}).config), to_text(RunConfig{}));
}

TEST(CommandLine, HelpAndVersionEndTheReading) {
  EXPECT_EQ(parse_command_line({"--help"}).action, CommandLine::Action::kHelp);
  EXPECT_EQ(parse_command_line({"--version"}).action, CommandLine::Action::kVersion);
}

TEST(CommandLine, NeverGuessesAnAbbreviation) {
  EXPECT_THAT(refused({"--s", "3"}), HasSubstr("unknown option --s"));
  EXPECT_EQ(refused({"--epoch", "3"}), "unknown option --epoch (did you mean --epochs?)");
  EXPECT_EQ(refused({"--batch_size=3"}), "unknown option --batch_size (did you mean --batch-size?)");
  EXPECT_THAT(refused({"--confi", "x.cfg"}), HasSubstr("unknown option --confi"));
}

TEST(CommandLine, RefusesWhatIsNoOption) {
  EXPECT_THAT(refused({"slurm/configs/a.cfg"}), HasSubstr("unexpected argument 'slurm/configs/a.cfg'"));
  EXPECT_THAT(refused({"-c", "a.cfg"}), HasSubstr("unexpected argument '-c'"));
  EXPECT_THAT(refused({"--", "--epochs", "3"}), HasSubstr("unexpected argument '--epochs'"));
}

TEST(CommandLine, RefusesAMissingEmptyOrRepeatedValue) {
  EXPECT_THAT(refused({"--epochs"}), HasSubstr("epochs"));
  EXPECT_THAT(refused({"--epochs="}), HasSubstr("epochs"));
  EXPECT_THAT(refused({"--epochs", ""}), HasSubstr("--epochs: '' is not allowed"));
  EXPECT_THAT(refused({"--output", "--epochs", "3"}), HasSubstr("output"));
  EXPECT_EQ(refused({"--lr", "0.1", "--lr=0.2"}), "--lr is given twice");
}

TEST(CommandLine, NegativeNumbersAreValuesAndJudgedAsSuch) {
  EXPECT_EQ(refused({"--workers", "-1"}), "--workers: '-1' is not allowed: 1 to 256, or 0: load in line");
  EXPECT_EQ(refused({"--lr=-1"}), "--lr: '-1' is not allowed: above 0 to 100");
}

TEST(CommandLine, ASlurmRequestBelongsToSbatch) {
  EXPECT_THAT(refused({"--slurm.nodes", "4"}), HasSubstr("sbatch"));
}

TEST(CommandLine, RefusesValuesThatTheLogCouldNotReadBack) {
  EXPECT_EQ(refused({"--output", "runs/ab#cd"}), "--output: 'runs/ab#cd' cannot hold #");
  EXPECT_THAT(refused({"--output", " x"}), HasSubstr("begins or ends with a space"));
}

TEST(CommandLine, AMissingConfigIsNamed) {
  EXPECT_THAT(refused({"--config", "no/such.cfg"}), HasSubstr("no/such.cfg"));
  EXPECT_THAT(refused({"--config", ""}), HasSubstr("config"));
}

TEST(CommandLine, HelpListsEveryKeyOfARunWithItsDefault) {
  const std::string help = help_text("usage: train", 100);
  EXPECT_THAT(help, HasSubstr("usage: train\n"));
  for (const char* key : {"--config", "--model", "--max-steps", "--memory-format", "--version"}) {
    EXPECT_THAT(help, HasSubstr(key));
  }
  EXPECT_THAT(help, HasSubstr("(=resnet18)"));
  EXPECT_THAT(help, testing::Not(HasSubstr("--slurm")));
}

class InferenceCommandLine : public CommandLineWithFile {
 protected:
  CommandLine infer(const std::vector<std::string>& arguments) const {
    return parse_command_line(arguments, Program::kInfer);
  }
  std::string refused_by_infer(const std::vector<std::string>& arguments) const {
    return refusal([&] { infer(arguments); });
  }
};

TEST_F(InferenceCommandLine, TakesFileThenCommandLine) {
  std::ofstream(file_) << "model = resnet50\n[inference]\nengine = int8\nbatch-sizes = 4,8\n";
  const RunConfig config = infer({"--config", file_.string(), "--engine", "torchscript", "--threads=2"}).config;
  EXPECT_EQ(config.model, Model::kResnet50);
  EXPECT_EQ(config.inference->engine, EngineKind::kTorchScript);
  EXPECT_EQ(config.inference->batch_sizes, (std::vector<std::int64_t>{4, 8}));
  EXPECT_EQ(config.inference->threads, 2);
}

TEST_F(InferenceCommandLine, TakesWhatItKnowsFromAFileOfTraining) {
  std::ofstream(file_) << "model = resnet34\nlr = 0.5\n[slurm]\nnodes = 2\n";
  const RunConfig config = infer({"--config", file_.string()}).config;
  EXPECT_EQ(config.model, Model::kResnet34);
  EXPECT_TRUE(config.inference);
  EXPECT_THAT(to_text(config), testing::Not(HasSubstr("lr =")));
}

TEST_F(InferenceCommandLine, KeysOfTheOtherProgramAreRefusedByName) {
  EXPECT_EQ(refused({"--engine", "int8"}), "--engine is of tools/infer");
  EXPECT_EQ(refused_by_infer({"--lr", "0.1"}), "--lr is of training: tools/train");
  EXPECT_EQ(refused_by_infer({"--probe-batch"}), "unknown option --probe-batch");
  EXPECT_EQ(refused_by_infer({"--engin", "int8"}), "unknown option --engin (did you mean --engine?)");
  EXPECT_THAT(refused_by_infer({"--inference.engine", "int8"}), HasSubstr("unknown option --inference.engine"));
}

TEST_F(InferenceCommandLine, AFileOfInferenceIsNotTrainedAndHoldsNoKeyOfTraining) {
  std::ofstream(file_) << "[inference]\nengine = int8\n";
  EXPECT_EQ(refused({"--config", file_.string()}),
            file_.string() + ": has a section [inference]: it is for tools/infer");
  std::ofstream(file_) << "lr = 0.1\n[inference]\nengine = int8\n";
  EXPECT_THAT(refused_by_infer({"--config", file_.string()}), HasSubstr(":1: lr is a key of training"));
  std::ofstream(file_) << "engine = int8\n";
  EXPECT_THAT(refused_by_infer({"--config", file_.string()}), HasSubstr("it belongs under [inference]"));
}

TEST_F(InferenceCommandLine, IntegersAreForFp32ModelsOnCpus) {
  EXPECT_THAT(refused_by_infer({"--engine", "int8", "--precision", "fp16"}), HasSubstr("precision = fp32"));
  EXPECT_THAT(refused_by_infer({"--engine", "torchscript-int8", "--device", "cuda"}), HasSubstr("device = cpu"));
  EXPECT_NO_THROW(infer({"--engine", "torchscript", "--precision", "fp16"}));
}

TEST_F(InferenceCommandLine, RunsOnOneRank) {
  EXPECT_EQ(refusal([&] { validate_ranks(infer({}).config, 2); }), "inference runs on one rank, not 2: use one");
}

TEST_F(InferenceCommandLine, HelpListsItsKeysAlone) {
  const std::string help = help_text("usage: infer", 100, Program::kInfer);
  for (const char* key : {"--model", "--engine", "--batch-sizes", "--threads"})
    EXPECT_THAT(help, HasSubstr(key));
  for (const char* key : {"--lr", "--strategy", "--probe-batch", "inference."})
    EXPECT_THAT(help, testing::Not(HasSubstr(key)));
}

}  // namespace
}  // namespace trainyard::config

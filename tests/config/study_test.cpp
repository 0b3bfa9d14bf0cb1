#include "config/study.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "config/parse.h"
#include "refusal.h"

namespace trainyard::config {
namespace {

using test::refusal;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

Study expand(std::string_view text) {
  return expand_study(read_config_text(text, "a.cfg", "a"));
}

std::string refused(std::string_view text) {
  return refusal([&] { expand(text); });
}

std::vector<std::string> names(const Study& study) {
  std::vector<std::string> result;
  for (const StudyPoint& point : study.points)
    result.push_back(point.config.name);
  return result;
}

TEST(Study, IsTheProductOfItsValuesTheLastKeyFastest) {
  const Study study = expand("precision = fp32 amp\nepochs = 3\nlr = 0.1 0.01\n[slurm]\n[study]\n");
  EXPECT_THAT(names(study), ElementsAre("a_fp32_0.1", "a_fp32_0.01", "a_amp_0.1", "a_amp_0.01"));
  EXPECT_EQ(study.points[2].config.precision, PrecisionKind::kAmp);
  EXPECT_EQ(study.points[3].config.lr, 0.01);
  EXPECT_EQ(study.points[3].config.epochs, 3);
  EXPECT_EQ(study.points[1].label, "precision:fp32 lr:0.01");
  EXPECT_THAT(study.points[3].arguments, ElementsAre("--precision", "amp", "--lr", "0.01", "--name", "a_amp_0.01"));
  EXPECT_TRUE(study.collect);
  EXPECT_FALSE(study.array);
}

TEST(Study, APointsNameIsAPatternOfAnyKeys) {
  const Study study = expand(
      "model = resnet18\nstrategy = ddp\n[slurm]\nnodes = 1 2\ntime = 01:00:00\n[study]\nname = {model}-{nodes}n\n");
  EXPECT_THAT(names(study), ElementsAre("resnet18-1n", "resnet18-2n"));
  EXPECT_EQ(study.points[1].config.slurm->nodes, 2);
  EXPECT_THAT(study.points[1].arguments, ElementsAre("--name", "resnet18-2n")) << "a request is not the trainer's";
}

TEST(Study, AValueMayBeMadeOfOthers) {
  const Study study = expand(
      "strategy = ddp\nweights = models/{model}\nmodel = resnet18 resnet34\n[slurm]\nranks-per-node = 1 2\n"
      "gpus-per-node = {ranks-per-node}\n[study]\n");
  EXPECT_EQ(study.points[3].config.slurm->gpus_per_node, 2);
  EXPECT_EQ(study.points[3].config.weights, "models/resnet34");
  EXPECT_THAT(study.points[3].arguments,
              ElementsAre("--model", "resnet34", "--weights", "models/resnet34", "--name", "a_resnet34_2"));
}

TEST(Study, SkipLeavesOutWhatFitsAllItsKeys) {
  const Study study = expand(
      "precision = fp32 amp fp16\nstrategy = dp ddp\n[study]\nskip = precision:fp16 strategy:dp\n"
      "skip = precision:amp precision:fp32 strategy:ddp\n");
  EXPECT_THAT(names(study), ElementsAre("a_fp32_dp", "a_amp_dp", "a_fp16_ddp"));
}

TEST(Study, SetGivesValuesWhereItsKeysFitAndWinsOverPatterns) {
  const Study study = expand(
      "strategy = dp ddp\nbatch-size = 32\n[slurm]\ngpus-per-node = 2 4\nranks-per-node = {gpus-per-node}\n[study]\n"
      "set = strategy:dp -> ranks-per-node:1 devices:{gpus-per-node}\nset = strategy:dp gpus-per-node:4 -> "
      "batch-size:128\n");
  ASSERT_THAT(study.points, SizeIs(4));
  const RunConfig& dp = study.points[1].config;
  EXPECT_EQ(dp.slurm->ranks_per_node, 1);
  EXPECT_EQ(dp.devices, 4);
  EXPECT_EQ(dp.batch_size, 128);
  const RunConfig& ddp = study.points[3].config;
  EXPECT_EQ(ddp.slurm->ranks_per_node, 4);
  EXPECT_EQ(ddp.devices, 1);
  EXPECT_EQ(ddp.batch_size, 32);
  EXPECT_THAT(study.points[3].arguments,
              ElementsAre("--strategy", "ddp", "--batch-size", "32", "--devices", "1", "--name", "a_ddp_4"));
}

TEST(Study, ConditionsSpeakOfTheFilesValuesWhateverEarlierRulesSet) {
  const Study study = expand(
      "strategy = ddp zero1\n[study]\nset = strategy:ddp -> strategy:zero2\nset = strategy:ddp -> batch-size:8\nname = "
      "{strategy}\n");
  EXPECT_EQ(study.points[0].config.strategy, StrategyKind::kZero2);
  EXPECT_EQ(study.points[0].config.batch_size, 8);
}

TEST(Study, OfInferenceIsKnownAsSuch) {
  const Study study = expand("model = resnet18\n[inference]\nengine = eager int8\nbatch-sizes = 1,16\n[study]\n");
  EXPECT_TRUE(study.of_inference);
  EXPECT_THAT(study.points[1].arguments, ElementsAre("--engine", "int8", "--name", "a_int8"));
}

TEST(Study, ReadsItsOwnKeys) {
  const Study study = expand("seed = 1 2\n[study]\narray = true\ncollect = false\nthrottle = 4\n");
  EXPECT_TRUE(study.array);
  EXPECT_FALSE(study.collect);
  EXPECT_EQ(study.throttle, 4);
  EXPECT_THAT(refused("[study]\narray = yes\n"), HasSubstr("a.cfg:2: array: 'yes' is not allowed: true|false"));
  EXPECT_THAT(refused("[study]\nthrottle = 0\n"), HasSubstr("1 to 100000"));
  EXPECT_EQ(refused("[study]\nskipp = seed:1\n"), "a.cfg:2: unknown key study.skipp (did you mean skip?)");
}

TEST(Study, AWrongValueIsNamedWithItsLine) {
  EXPECT_THAT(refused("precision = fp32 fp61\n[study]\n"),
              AllOf(StartsWith("a.cfg:1: precision: 'fp61' is not allowed"), HasSubstr("did you mean fp16?")));
  EXPECT_EQ(refused("lr = 0.1 1e-1\n[study]\n"), "a.cfg:1: lr: '1e-1' stands there twice");
  EXPECT_THAT(refused("batch-size = 8 {seed}\n[study]\n"), HasSubstr("each stands for itself"));
  EXPECT_THAT(refused("weights = {modle}\n[study]\n"),
              HasSubstr("a.cfg:1: weights: {modle}: there is no key modle (did"));
  EXPECT_THAT(refused("weights = {model\n[study]\n"), HasSubstr("a brace without its other"));
  EXPECT_THAT(refused("weights = model}\n[study]\n"), HasSubstr("a brace without its other"));
  EXPECT_THAT(refused("weights = {model}\noutput = {weights}\n[study]\n"), HasSubstr("made of other keys itself"));
}

TEST(Study, AConditionNamesAKeyAndOneOfItsValues) {
  const std::string head = "precision = fp32 amp\nlr = 0.1\n[study]\n";
  EXPECT_THAT(refused(head + "skip = precision\n"), HasSubstr("a.cfg:4: skip: 'precision': write key:value"));
  EXPECT_THAT(refused(head + "skip = precison:amp\n"), HasSubstr("did you mean precision?"));
  EXPECT_THAT(refused(head + "skip = lr:0.1\n"), HasSubstr("lr does not have several values here"));
  EXPECT_THAT(refused(head + "skip = precision:fp16\n"), HasSubstr("precision has no value fp16 here, but fp32, amp"));
  EXPECT_THAT(refused(head + "skip =\n"), HasSubstr("every point"));
  EXPECT_THAT(refused(head + "set = precision:amp lr:0.2\n"), HasSubstr("write `key:value ... -> key:value ...`"));
  EXPECT_THAT(refused(head + "set = precision:amp ->\n"), HasSubstr("sets nothing"));
  EXPECT_THAT(refused(head + "set = -> lr:-1\n"), HasSubstr("lr: '-1' is not allowed"));
}

TEST(Study, APointThatCannotRunIsNamed) {
  EXPECT_THAT(refused("warmup = 0 5\nepochs = 3\n[study]\n"),
              AllOf(StartsWith("a.cfg: point warmup:5: "), HasSubstr("epochs = 3")));
  EXPECT_THAT(refused("seed = 1 2\n[study]\nname = a/{seed}\n"), HasSubstr("its name would be 'a/1'"));
  EXPECT_THAT(refused("seed = 1 2\n[study]\nname = same\n"),
              HasSubstr("points seed:1 and seed:2 would both be called same"));
  EXPECT_EQ(refused("seed = 1 2\n[study]\nskip = seed:1 seed:2\n"), "a.cfg: skip leaves no point");
}

TEST(Study, IsOfOnePointWhereEveryKeyHasOneValue) {
  EXPECT_THAT(names(expand("seed = 1\n[study]\n")), ElementsAre("a"));
}

TEST(Study, TenThousandPointsAreMadeAndFarMoreRefused) {
  std::string hundred;
  for (int i = 1; i <= 100; ++i)
    hundred += " " + std::to_string(i);
  const std::string text = "seed =" + hundred + "\nepochs =" + hundred + "\n";
  EXPECT_THAT(expand(text + "[study]\n").points, SizeIs(10'000));
  EXPECT_THAT(refused(text + "batch-size =" + hundred + "\n[study]\n"), HasSubstr("more than 100000 points"));
}

TEST(Study, IsNotReadAsAConfig) {
  EXPECT_THAT(refusal([] { parse_text("seed = 1 2\n[study]\n", "a.cfg", "a"); }), HasSubstr("a.cfg: is a study"));
  EXPECT_THAT(refusal([] { parse_text("skip = seed:1\n", "a.cfg", "a"); }), HasSubstr("it belongs under [study]"));
  EXPECT_THAT(refusal([] { parse_text("precision = fp32 amp\n", "a.cfg", "a"); }), HasSubstr("'fp32 amp'"));
}

class StudyOnACommandLine : public testing::Test {
 protected:
  void SetUp() override { file_ = std::filesystem::path(testing::TempDir()) / "study_test.cfg"; }
  void TearDown() override { std::filesystem::remove(file_); }

  RunConfig parse(std::vector<std::string> arguments, Program program = Program::kTrain) const {
    arguments.insert(arguments.begin(), {"--config", file_.string()});
    return parse_command_line(arguments, program).config;
  }
  void write(const std::string& text) const { std::ofstream(file_) << text; }

  std::filesystem::path file_;
};

constexpr const char* kText =
    "model = resnet18 resnet34\nepochs = 7\nstrategy = ddp\n[slurm]\nnodes = 1 2\n[study]\n"
    "set = model:resnet34 -> batch-size:16\n";

TEST_F(StudyOnACommandLine, GivesTheRunOfEachPointByItsArguments) {
  write(kText);
  for (const StudyPoint& point : expand_study(read_config_file(file_)).points) {
    const RunConfig run = parse(point.arguments);
    EXPECT_EQ(run.name, point.config.name);
    EXPECT_EQ(config_digest(run), config_digest(point.config));
    EXPECT_FALSE(run.slurm) << "which of the study's requests it was the trainer cannot know";
  }
}

TEST(CommittedStudies, GiveTheProgramEveryPointAsItWasMeant) {
  std::size_t points = 0;
  const std::filesystem::path folder = std::filesystem::path(std::getenv("TRAINYARD_SOURCE_DIR")) / "slurm/studies";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".cfg") continue;
    const Study study = expand_study(read_config_file(entry.path()));
    for (const StudyPoint& point : study.points) {
      std::vector<std::string> arguments{"--config", entry.path().string()};
      arguments.insert(arguments.end(), point.arguments.begin(), point.arguments.end());
      const Program program = study.of_inference ? Program::kInfer : Program::kTrain;
      const RunConfig run = parse_command_line(arguments, program).config;
      EXPECT_EQ(run.name, point.config.name);
      EXPECT_EQ(config_digest(run), config_digest(point.config)) << point.config.name;
      ++points;
    }
  }
  EXPECT_GT(points, 200U);
}

TEST_F(StudyOnACommandLine, AKeyOfSeveralValuesMustBeGiven) {
  write(kText);
  EXPECT_EQ(refusal([&] {
              parse({"--batch-size", "16"});
            }),
            file_.string() + ": model has a value for each run of the study: give one with --model");
  EXPECT_THAT(refusal([&] { parse({"--model", "resnet18"}); }), HasSubstr("give one with --batch-size"));
  const RunConfig run = parse({"--model", "resnet50", "--batch-size", "8", "--name", "mine"});
  EXPECT_EQ(run.model, Model::kResnet50);
  EXPECT_EQ(run.epochs, 7);
  EXPECT_EQ(run.name, "mine");
}

TEST_F(StudyOnACommandLine, InferenceAsksForItsOwnKeysAlone) {
  write("model = resnet18 resnet34\nlr = 0.1 0.2\n[study]\n");
  EXPECT_NO_THROW(parse({"--model", "resnet18"}, Program::kInfer));
  EXPECT_THAT(refusal([&] { parse({}, Program::kInfer); }), HasSubstr("--model"));
}

TEST_F(StudyOnACommandLine, ANameIsOneOfARun) {
  write("seed = 1\n");
  EXPECT_THAT(refusal([&] { parse({"--name", "../up"}); }), HasSubstr("--name: '../up' is not allowed"));
  EXPECT_THAT(refusal([&] { parse({"--name", ""}); }), HasSubstr("--name"));
}

}  // namespace
}  // namespace trainyard::config

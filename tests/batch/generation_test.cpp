#include "batch/generation.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/file.h"
#include "refusal.h"

namespace trainyard::batch {
namespace {

namespace fs = std::filesystem;
using test::refusal;
using testing::AllOf;
using testing::HasSubstr;
using testing::SizeIs;

class Checkout : public testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(testing::TempDir()) / "generation_test";
    fs::remove_all(root_);
    fs::create_directories(root_ / "slurm" / "configs");
    fs::create_directories(root_ / "slurm" / "sites");
    write_text("slurm/sites/generic.cfg", "title = plain\n");
    write_text("slurm/sites/other.cfg", "account-pattern = p_[0-9]+\n");
    write_text("slurm/sites/local.cfg", "slurm = false\n");
    write_text("slurm/configs/one.cfg", "[slurm]\n");
    write_text("slurm/configs/two.cfg", "strategy = ddp\n[slurm]\nnodes = 2\n");
    write_text("slurm/configs/local_only.cfg", "epochs = 2\n");
    request_.root = root_;
  }
  void TearDown() override { fs::remove_all(root_); }

  void write_text(const fs::path& path, const std::string& text) { std::ofstream(root_ / path) << text; }

  std::vector<std::string> paths() {
    std::vector<std::string> result;
    for (const GeneratedFile& file : generate(request_))
      result.push_back(file.path.string());
    return result;
  }

  void write_all() {
    for (const GeneratedFile& file : generate(request_))
      write(request_, file);
  }

  std::vector<Drift> drifts() {
    std::vector<Drift> result;
    for (const FileState& state : compare(request_, generate(request_)))
      result.push_back(state.drift);
    return result;
  }

  fs::path root_;
  GenerationRequest request_;
};

TEST_F(Checkout, TakesAllConfigsThatHaveASlurmSection) {
  EXPECT_EQ(paths(), (std::vector<std::string>{"slurm/one.sbatch", "slurm/two.sbatch"}));
}

TEST_F(Checkout, AConfigNamedByTheUserNeedsASlurmSection) {
  request_.configs = {root_ / "slurm/configs/local_only.cfg"};
  EXPECT_THAT(refusal([&] { generate(request_); }), AllOf(HasSubstr("local_only.cfg"), HasSubstr("[slurm]")));
}

TEST_F(Checkout, FilesOfAnotherSiteHaveAFolderOfTheirOwn) {
  request_.site = "other";
  request_.account = "p_7";
  request_.configs = {root_ / "slurm/configs/one.cfg"};
  write_all();
  const std::string text = core::read_file(root_ / "slurm/other/one.sbatch");
  EXPECT_THAT(text, HasSubstr("#SBATCH --account=p_7\n"));
  EXPECT_THAT(text, HasSubstr("Again: tools/generate --site other --account p_7 slurm/configs/one.cfg\n"));
}

TEST_F(Checkout, ASiteWithoutSlurmSaysWhatToDoInstead) {
  request_.site = "local";
  EXPECT_THAT(refusal([&] { generate(request_); }), HasSubstr("tools/launch"));
}

TEST_F(Checkout, AConfigIsNamedFromTheRootWhereverTheUserStands) {
  for (const fs::path& named : {root_ / "slurm/configs/one.cfg", root_ / "slurm/../slurm/configs/./one.cfg"}) {
    request_.configs = {named};
    EXPECT_THAT(generate(request_).front().text, HasSubstr("--config slurm/configs/one.cfg \"$@\"")) << named;
  }
}

TEST_F(Checkout, AConfigOutsideOfItIsNamedInFull) {
  const fs::path outside = fs::path(testing::TempDir()) / "generation_test_outside.cfg";
  std::ofstream(outside) << "[slurm]\n";
  request_.configs = {outside};
  const std::vector<GeneratedFile> files = generate(request_);
  EXPECT_EQ(files.front().path, "slurm/generation_test_outside.sbatch");
  EXPECT_THAT(files.front().text, HasSubstr("--config " + fs::weakly_canonical(outside).string() + " "));
  fs::remove(outside);
}

TEST_F(Checkout, TwoConfigsOfOneNameAreRefused) {
  fs::create_directories(root_ / "more");
  write_text("more/one.cfg", "[slurm]\n");
  request_.configs = {root_ / "slurm/configs/one.cfg", root_ / "more/one.cfg"};
  EXPECT_THAT(refusal([&] { generate(request_); }), HasSubstr("both"));
}

TEST_F(Checkout, OneBadConfigRefusesAll) {
  write_text("slurm/configs/zzz.cfg", "[slurm]\nnodes = many\n");
  EXPECT_THAT(refusal([&] { generate(request_); }), HasSubstr("zzz.cfg:2: nodes"));
}

TEST_F(Checkout, AHostileNameIsRefusedNotWritten) {
  write_text("slurm/configs/a b#c.cfg", "[slurm]\n");
  EXPECT_THAT(refusal([&] { generate(request_); }), HasSubstr("a b#c.cfg"));
}

TEST_F(Checkout, DriftIsSeenFileByFile) {
  EXPECT_EQ(drifts(), (std::vector{Drift::kMissing, Drift::kMissing}));
  write_all();
  EXPECT_EQ(drifts(), (std::vector{Drift::kNone, Drift::kNone}));
  write_text("slurm/configs/two.cfg", "strategy = ddp\n[slurm]\nnodes = 3\n");
  EXPECT_EQ(drifts(), (std::vector{Drift::kNone, Drift::kDiffers}));
}

TEST_F(Checkout, AKeyOfTheRunAloneIsDriftToo) {
  write_all();
  write_text("slurm/configs/one.cfg", "lr = 0.5\n[slurm]\n");
  EXPECT_EQ(drifts(), (std::vector{Drift::kDiffers, Drift::kNone}));
}

TEST_F(Checkout, AFileWhoseConfigIsGoneIsAnOrphanAndOneWrittenByHandIsNot) {
  write_all();
  fs::remove(root_ / "slurm/configs/one.cfg");
  write_text("slurm/build.sbatch", "#!/bin/bash\n#SBATCH --nodes=1\n");
  const std::vector<FileState> states = compare(request_, generate(request_));
  ASSERT_THAT(states, SizeIs(2));
  EXPECT_EQ(states[1].path, "slurm/one.sbatch");
  EXPECT_EQ(states[1].drift, Drift::kOrphan);
}

TEST_F(Checkout, AStudyHasAFolderOfItsOwn) {
  fs::create_directories(root_ / "slurm" / "studies");
  write_text("slurm/studies/many.cfg", "seed = 1 2\n[slurm]\n[study]\n");
  EXPECT_EQ(paths(), (std::vector<std::string>{"slurm/one.sbatch", "slurm/studies/many/collect.sbatch",
                                               "slurm/studies/many/many_1.sbatch", "slurm/studies/many/many_2.sbatch",
                                               "slurm/two.sbatch"}));
  request_.site = "other";
  request_.configs = {root_ / "slurm/studies/many.cfg"};
  EXPECT_EQ(paths().front(), "slurm/other/studies/many/collect.sbatch");
}

TEST_F(Checkout, PointsThatTheirStudyNoLongerHasAreOrphans) {
  fs::create_directories(root_ / "slurm" / "studies");
  write_text("slurm/studies/many.cfg", "seed = 1 2\n[slurm]\n[study]\ncollect = false\nname = many_{seed}\n");
  write_text("slurm/studies/gone.cfg", "seed = 1\n[slurm]\n[study]\ncollect = false\n");
  write_all();
  write_text("slurm/studies/many.cfg", "seed = 1\n[slurm]\n[study]\ncollect = false\nname = many_{seed}\n");
  fs::remove(root_ / "slurm/studies/gone.cfg");
  std::vector<std::string> orphans;
  for (const FileState& state : compare(request_, generate(request_))) {
    if (state.drift == Drift::kOrphan) orphans.push_back(state.path.string());
  }
  EXPECT_EQ(orphans, (std::vector<std::string>{"slurm/studies/gone/gone.sbatch", "slurm/studies/many/many_2.sbatch"}));
  request_.configs = {root_ / "slurm/studies/many.cfg"};
  EXPECT_EQ(drifts(), (std::vector{Drift::kDiffers, Drift::kOrphan}));
}

TEST_F(Checkout, AStudyWithoutASlurmSectionIsPassedByUnlessItIsNamed) {
  fs::create_directories(root_ / "slurm" / "studies");
  write_text("slurm/studies/many.cfg", "seed = 1 2\n[study]\n");
  EXPECT_THAT(paths(), SizeIs(2));
  request_.configs = {root_ / "slurm/studies/many.cfg"};
  EXPECT_THAT(refusal([&] { generate(request_); }), HasSubstr("many.cfg: has no [slurm] section"));
}

TEST_F(Checkout, AnAccountOfTheUsersSiteFileIsWrittenIntoThatSitesFiles) {
  write_text("slurm/sites/other.local.cfg", "account = p_9\n");
  request_.site = "other";
  for (const GeneratedFile& file : generate(request_))
    EXPECT_THAT(file.text, HasSubstr("#SBATCH --account=p_9\n"));
  request_.account = "p_1";
  EXPECT_THAT(generate(request_).front().text, HasSubstr("#SBATCH --account=p_1\n"));
}

TEST_F(Checkout, IsFoundFromAnyFolderInIt) {
  EXPECT_EQ(find_root(root_ / "slurm" / "configs"), root_);
  EXPECT_EQ(find_root(root_), root_);
  EXPECT_EQ(find_root("/"), std::nullopt);
}

TEST(CommittedFiles, MatchTheirConfigs) {
  GenerationRequest request;
  request.root = std::getenv("TRAINYARD_SOURCE_DIR");
  const std::vector<GeneratedFile> files = generate(request);
  EXPECT_THAT(files, SizeIs(testing::Ge(12U)));
  for (const FileState& state : compare(request, files)) {
    EXPECT_EQ(state.drift, Drift::kNone) << state.path << ": run tools/generate";
  }
}

TEST_F(Checkout, AFileThatIsNotThisConfigsIsNotOverwritten) {
  request_.configs = {root_ / "slurm/configs/one.cfg"};
  write_text("slurm/one.sbatch", "#!/bin/bash\n#SBATCH --nodes=1\n");
  EXPECT_THAT(refusal<core::Error>([&] { write_all(); }), AllOf(HasSubstr("slurm/one.sbatch"), HasSubstr("by hand")));
  write_text("slurm/one.sbatch",
             std::string("#!/bin/bash\n") + "# Written by tools/generate from more/one.cfg for site generic: change\n");
  EXPECT_THAT(refusal<core::Error>([&] { write_all(); }), HasSubstr("was written from more/one.cfg"));
  EXPECT_THAT(core::read_file(root_ / "slurm/one.sbatch"), HasSubstr("more/one.cfg"));
}

}  // namespace
}  // namespace trainyard::batch

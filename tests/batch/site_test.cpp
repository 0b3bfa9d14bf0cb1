#include "batch/site.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "refusal.h"

namespace trainyard::batch {
namespace {

using test::refusal;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::filesystem::path committed_sites() {
  return std::filesystem::path(std::getenv("TRAINYARD_SOURCE_DIR")) / "slurm" / "sites";
}

class SiteFile : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) / "site_test";
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  SiteProfile read(const std::string& text) {
    std::ofstream(folder_ / "mine.cfg") << text;
    return read_site(folder_ / "mine.cfg");
  }

  std::string refused(const std::string& text) {
    return refusal([&] { read(text); });
  }

  std::filesystem::path folder_;
};

TEST_F(SiteFile, GivesEveryFact) {
  const SiteProfile site = read(
      "title = My site\nlauncher = mpirun\ngpu-request = typed-gres\npartition = gpu\naccount-required = true\n"
      "account-form = p_NNN\naccount-pattern = p_[0-9]+\nconstraints = v100 rtx8000\nmodules = gcc/12 openmpi/4.1\n"
      "scratch-variable = SCRATCH\nmax-gpus-per-node = 4\nmax-cpus-per-node = 48\nmax-memory-per-node = 384G\n"
      "max-time = 2-00:00:00\n");
  EXPECT_EQ(site.name, "mine");
  EXPECT_EQ(site.title, "My site");
  EXPECT_TRUE(site.slurm);
  EXPECT_EQ(site.launcher, LauncherKind::kMpirun);
  EXPECT_EQ(site.gpu_request, GpuRequestStyle::kTypedGres);
  EXPECT_EQ(site.partition, "gpu");
  EXPECT_TRUE(site.account_required);
  EXPECT_EQ(site.account_form, "p_NNN");
  EXPECT_THAT(site.constraints, ElementsAre("v100", "rtx8000"));
  EXPECT_THAT(site.modules, ElementsAre("gcc/12", "openmpi/4.1"));
  EXPECT_EQ(site.scratch_variable, "SCRATCH");
  EXPECT_EQ(site.max_gpus_per_node, 4);
  EXPECT_EQ(site.max_cpus_per_node, 48);
  EXPECT_EQ(site.max_memory_mib, 384 * 1024);
  EXPECT_EQ(site.max_time_s, 48 * 3600);
}

TEST_F(SiteFile, RefusesWhatItDoesNotKnowNamingTheLine) {
  EXPECT_THAT(refused("title = x\npartitions = gpu\n"),
              HasSubstr("mine.cfg:2: unknown key partitions (did you mean partition?)"));
  EXPECT_THAT(refused("slurm = yes\n"), HasSubstr("mine.cfg:1: slurm: 'yes' is not allowed: true|false"));
  EXPECT_THAT(refused("launcher = mpiexec\n"), HasSubstr("auto|srun|mpirun"));
  EXPECT_THAT(refused("account-pattern = p_[0-9\n"), HasSubstr("a regular expression"));
  EXPECT_THAT(refused("scratch-variable = $SCRATCH\n"), HasSubstr("without $"));
  EXPECT_THAT(refused("max-gpus-per-node = -1\n"), HasSubstr("1 to 100000"));
  EXPECT_THAT(refused("[slurm]\npartition = gpu\n"), HasSubstr("unknown key slurm.partition"));
}

TEST(Sites, AnUnknownNameIsRefusedWithTheKnownOnes) {
  EXPECT_THAT(refusal([] { find_site(committed_sites(), "nyu-tork"); }),
              AllOf(HasSubstr("did you mean nyu-torch?"), HasSubstr("generic, local, nyu-torch")));
  EXPECT_THAT(refusal([] { find_site(committed_sites(), "../sites/generic"); }), HasSubstr("unknown site"));
  EXPECT_THAT(refusal([] { find_site(committed_sites(), ""); }), HasSubstr("unknown site"));
}

TEST(Sites, TheCommittedOnesAreWhatTheyAreMeantToBe) {
  const SiteProfile generic = find_site(committed_sites(), "generic");
  EXPECT_TRUE(generic.slurm);
  EXPECT_FALSE(generic.account_required);
  EXPECT_EQ(generic.partition, "");
  EXPECT_FALSE(find_site(committed_sites(), "local").slurm);
  const SiteProfile torch = find_site(committed_sites(), "nyu-torch");
  EXPECT_TRUE(torch.account_required);
  EXPECT_EQ(torch.partition, "");
  EXPECT_THAT(torch.constraints, ElementsAre("h200", "l40s", "h100", "a100"));
}

}  // namespace
}  // namespace trainyard::batch

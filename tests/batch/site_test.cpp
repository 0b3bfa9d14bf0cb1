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
    return find_site(folder_, "mine");
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
      "max-time = 2-00:00:00\nnode = v100 gpus:4 cpus:48 memory:384G\nnode = cpu gpus:0 cpus:96 memory:3T\n"
      "module-paths = /a /b\ncontainer = /i.sif\ncontainer-overlay = /o.ext3\ncontainer-command = singularity\n"
      "container-binds = /x /y:/z\nmax-nodes = 9\nmax-gpus = 24\nmax-array-size = 1000\narray-throttle = 8\n"
      "max-jobs = 500\ndoctor = true\nalways-requeue = true\nrequeue-comment = a=b;c\n");
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
  ASSERT_THAT(site.nodes, testing::SizeIs(2));
  EXPECT_EQ(site.nodes[1].name, "cpu");
  EXPECT_EQ(site.nodes[1].gpus, 0);
  EXPECT_EQ(site.nodes[1].cpus, 96);
  EXPECT_EQ(site.nodes[1].memory_mib, 3 * 1024 * 1024);
  EXPECT_THAT(site.module_paths, ElementsAre("/a", "/b"));
  EXPECT_EQ(site.container.image, "/i.sif");
  EXPECT_EQ(site.container.overlay, "/o.ext3");
  EXPECT_EQ(site.container.command, "singularity");
  EXPECT_THAT(site.container.binds, ElementsAre("/x", "/y:/z"));
  EXPECT_EQ(site.max_nodes, 9);
  EXPECT_EQ(site.max_gpus, 24);
  EXPECT_EQ(site.max_array_size, 1000);
  EXPECT_EQ(site.array_throttle, 8);
  EXPECT_EQ(site.max_jobs, 500);
  EXPECT_TRUE(site.doctor);
  EXPECT_TRUE(site.always_requeue);
  EXPECT_EQ(site.requeue_comment, "a=b;c");
}

TEST_F(SiteFile, OfTheUserLiesOverTheCommittedOne) {
  std::ofstream(folder_ / "mine.local.cfg") << "account = p_7\npartition = own\n";
  const SiteProfile site = read("partition = gpu\nmax-nodes = 3\n");
  EXPECT_EQ(site.name, "mine");
  EXPECT_EQ(site.account, "p_7");
  EXPECT_EQ(site.partition, "own");
  EXPECT_EQ(site.max_nodes, 3);
}

TEST_F(SiteFile, OfTheUserMayStandAlone) {
  std::ofstream(folder_ / "alone.local.cfg") << "account = p_7\n";
  EXPECT_EQ(find_site(folder_, "alone").account, "p_7");
  EXPECT_THAT(refusal([&] { find_site(folder_, "alon"); }), HasSubstr("did you mean alone?"));
}

TEST_F(SiteFile, AnAccountIsNeverWrittenWhereItWouldBeCommitted) {
  EXPECT_THAT(refused("account = p_7\n"), AllOf(HasSubstr("mine.cfg:1: account"), HasSubstr(".local.cfg")));
  std::ofstream(folder_ / "generic.cfg") << "title = plain\n";
  std::ofstream(folder_ / "generic.local.cfg") << "account = p_7\n";
  EXPECT_THAT(refusal([&] { find_site(folder_, "generic"); }),
              HasSubstr("generic.local.cfg: the files of site generic"));
}

TEST_F(SiteFile, RefusesWhatItDoesNotKnowNamingTheLine) {
  EXPECT_THAT(refused("title = x\npartitions = gpu\n"),
              HasSubstr("mine.cfg:2: unknown key partitions (did you mean partition?)"));
  EXPECT_THAT(refused("slurm = yes\n"), HasSubstr("mine.cfg:1: slurm: 'yes' is not allowed: true|false"));
  EXPECT_THAT(refused("launcher = mpiexec\n"), HasSubstr("auto|srun|mpirun"));
  EXPECT_THAT(refused("account-pattern = p_[0-9\n"), HasSubstr("a regular expression"));
  EXPECT_THAT(refused("scratch-variable = $SCRATCH\n"), HasSubstr("without $"));
  EXPECT_THAT(refused("max-gpus-per-node = -1\n"), HasSubstr("1 to 100000"));
  for (const char* node :
       {"h200", "h200 gpus:8 cpus:4", "h200 cpus:4 gpus:8 memory:1G", "h200 gpus:x cpus:4 memory:1G",
        "h200 gpus:8 cpus:0 memory:1G", "h200 gpus:8 cpus:4 memory:1", "h200 gpus:8 cpus:4 memory:1G x"}) {
    EXPECT_THAT(refused(std::string("node = ") + node + "\n"), HasSubstr("mine.cfg:1: node: "));
  }
  EXPECT_THAT(refused("node = a gpus:1 cpus:1 memory:1G\nnode = a gpus:1 cpus:1 memory:1G\n"),
              HasSubstr("mine.cfg:2: node: "));
  EXPECT_THAT(refused("container = trainyard.sif\n"), HasSubstr("an absolute path"));
  EXPECT_THAT(refused("container-overlay = /a:rw\n"), HasSubstr("without : and ,"));
  EXPECT_THAT(refused("container-binds = /a,/b\n"), HasSubstr("without commas"));
  EXPECT_THAT(refused("[slurm]\npartition = gpu\n"), HasSubstr("unknown key slurm.partition"));
}

TEST(Sites, AnUnknownNameIsRefusedWithTheKnownOnes) {
  EXPECT_THAT(
      refusal([] { find_site(committed_sites(), "nyu-tork"); }),
      AllOf(HasSubstr("did you mean nyu-torch?"), HasSubstr("generic, local, nyu-burst, nyu-greene, nyu-torch")));
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
  EXPECT_EQ(torch.max_gpus, 24);
  EXPECT_EQ(torch.requeue_comment, "preemption=yes;requeue=true");
  const SiteProfile burst = find_site(committed_sites(), "nyu-burst");
  EXPECT_TRUE(burst.account_required);
  EXPECT_EQ(burst.gpu_request, GpuRequestStyle::kPartition);
  EXPECT_EQ(burst.partition, "n2c48m24");
  EXPECT_TRUE(burst.always_requeue);
  const SiteProfile greene = find_site(committed_sites(), "nyu-greene");
  EXPECT_EQ(greene.gpu_request, GpuRequestStyle::kTypedGres);
  EXPECT_THAT(greene.constraints, testing::Contains("rtx8000"));
}

}  // namespace
}  // namespace trainyard::batch

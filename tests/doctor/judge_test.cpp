#include "doctor/judge.h"

#include <gmock/gmock.h>

#include <map>
#include <string>

namespace trainyard::doctor {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Two ranks on one healthy node, each with two CPUs.
class Judging : public ::testing::Test {
 protected:
  Judging() {
    for (int rank = 0; rank < 2; ++rank) {
      RankFacts facts;
      facts.rank = facts.local_rank = rank;
      facts.node = "n1";
      facts.cpus = {2 * rank, 2 * rank + 1};
      facts.omp_threads = 2;
      facts.device = "cpu";
      ranks.push_back(facts);
    }
    nodes.resize(1);
    nodes[0].node = "n1";
    nodes[0].interfaces = {{"lo", "127.0.0.1", true}, {"eth0", "10.0.0.1", false}};
    nodes[0].results = {"", true, std::int64_t{1} << 40, 1'000'000};
  }

  std::vector<Finding> findings() {
    return judge(ranks, nodes, [this](const std::string& name) {
      const auto found = environment.find(name);
      return found == environment.end() ? std::nullopt : std::optional(found->second);
    });
  }
  /// What is not well, as "CHECK WHERE LEVEL TEXT".
  std::vector<std::string> complaints() {
    std::vector<std::string> lines;
    for (const Finding& finding : findings()) {
      if (finding.level != Level::kOk)
        lines.push_back(finding.check + " " + finding.where + " " + std::string(name_of(finding.level)) + " " +
                        finding.text);
    }
    return lines;
  }
  void give_gpus() {
    for (RankFacts& rank : ranks) {
      rank.device = "cuda:" + std::to_string(rank.local_rank);
      rank.gpu = "H100";
      rank.uuid = "GPU-" + std::to_string(rank.local_rank);
      rank.visible_gpus = 2;
    }
  }

  std::vector<RankFacts> ranks;
  std::vector<NodeFacts> nodes;
  std::map<std::string, std::string> environment;
};

TEST_F(Judging, FindsNothingWhereAllIsWell) {
  EXPECT_THAT(complaints(), IsEmpty());
  give_gpus();
  environment = {{"SLURM_JOB_ID", "1"}, {"SLURM_STEP_NUM_TASKS", "2"}, {"SLURM_CPUS_PER_TASK", "2"}};
  EXPECT_THAT(complaints(), IsEmpty());
}

TEST_F(Judging, AnswersEveryCheckForEveryRankAndNode) {
  give_gpus();
  std::string all;
  for (const Finding& finding : findings())
    all += finding.check + ":" + finding.where + " ";
  EXPECT_EQ(all,
            "ranks:all cores:rank 0 n1 cores:rank 1 n1 devices:rank 0 n1 devices:rank 1 n1 peers:rank 0 n1 "
            "peers:rank 1 n1 network:n1 results:n1 space:n1 ");
}

TEST_F(Judging, ASingletonIsAnErrorWithItsMend) {
  environment = {{"SLURM_JOB_ID", "1"}, {"SLURM_NTASKS", "4"}};
  EXPECT_THAT(complaints(), ElementsAre(HasSubstr("ranks all warning MPI has 2 and Slurm promised 4")));
  ranks.resize(1);
  EXPECT_THAT(complaints(), ElementsAre(AllOf(HasSubstr("ranks all error MPI has 1 and Slurm promised 4"),
                                              HasSubstr("tools/launch"))));
  environment.erase("SLURM_JOB_ID");
  EXPECT_THAT(complaints(), IsEmpty()) << "outside of a job nothing is promised";
}

TEST_F(Judging, ACoreMaskSmallerThanTheRequestIsAnError) {
  environment = {{"SLURM_CPUS_PER_TASK", "4"}};
  EXPECT_THAT(complaints(), ElementsAre(AllOf(HasSubstr("cores rank 0 n1 error CPUs 0-1, 2 threads"),
                                              HasSubstr("2 of the 4 CPUs of a rank"), HasSubstr("--cpus-per-task")),
                                        HasSubstr("cores rank 1 n1 error CPUs 2-3")));
}

TEST_F(Judging, MoreThreadsThanCpusAreNamed) {
  ranks[0].omp_threads = 3;
  EXPECT_THAT(complaints(), ElementsAre(HasSubstr("cores rank 0 n1 warning CPUs 0-1, 3 threads: more threads"),
                                        HasSubstr("cores n1 warning 5 threads of all ranks share 4 CPUs")));
  ranks[0].omp_threads = 2;
  ranks[0].cpus = ranks[1].cpus;
  EXPECT_THAT(complaints(), ElementsAre(HasSubstr("cores n1 warning 4 threads of all ranks share 2 CPUs")));
}

TEST_F(Judging, TwoRanksOfOneGpuAreAnErrorWhateverTheyCallIt) {
  give_gpus();
  ranks[1].uuid = ranks[0].uuid;
  EXPECT_THAT(complaints(),
              ElementsAre(AllOf(HasSubstr("devices rank 1 n1 error cuda:1 GPU-0 H100: rank 0 has it too"))));
}

TEST_F(Judging, GpusThatNobodyUsesAreNamed) {
  ranks[1].visible_gpus = 4;
  EXPECT_THAT(complaints(), ElementsAre(HasSubstr("devices rank 1 n1 warning 4 of 4 GPUs that it sees are not used")));
}

TEST_F(Judging, GpusThatCannotReadEachOtherAreNamed) {
  give_gpus();
  ranks[0].far = {1};
  EXPECT_THAT(complaints(), ElementsAre(HasSubstr("peers rank 0 n1 warning cannot read GPU 1 directly")));
}

TEST_F(Judging, SeveralNodesNeedAWayToEachOther) {
  nodes.push_back(nodes[0]);
  nodes[1].node = "n2";
  EXPECT_THAT(complaints(), IsEmpty());
  nodes[1].interfaces.pop_back();
  EXPECT_THAT(complaints(),
              ElementsAre(HasSubstr("network n2 warning sockets by lo 127.0.0.1: no way to another node")));
  environment["NCCL_SOCKET_IFNAME"] = "hsn";
  EXPECT_THAT(complaints(), ElementsAre(HasSubstr("network n1 error NCCL_SOCKET_IFNAME=hsn lets no interface"),
                                        HasSubstr("network n2")));
}

TEST_F(Judging, TheNetworkIsNamed) {
  nodes[0].infiniband = {"mlx5_0"};
  EXPECT_EQ(findings()[5].text, "InfiniBand mlx5_0; sockets by eth0 10.0.0.1");
  environment["NCCL_IB_DISABLE"] = "1";
  EXPECT_EQ(findings()[5].text, "sockets by eth0 10.0.0.1");
}

TEST_F(Judging, AResultsFolderThatCannotBeUsedIsNamed) {
  nodes[0].results.locks = false;
  EXPECT_THAT(complaints(), ElementsAre(HasSubstr("results n1 warning files cannot be locked")));
  nodes[0].results.failure = "cannot create results/x: Read-only file system";
  EXPECT_THAT(complaints(), ElementsAre(AllOf(HasSubstr("results n1 error cannot create"), HasSubstr("--results"))));
}

TEST_F(Judging, LittleSpaceAndFewFilesAreNamed) {
  nodes[0].results.free_bytes = 1 << 20;
  EXPECT_THAT(complaints(), ElementsAre(HasSubstr("space n1 warning 1.00 MiB free, 1000000 files")));
  nodes[0].results.free_bytes = std::int64_t{1} << 40;
  nodes[0].results.free_inodes = 100;
  EXPECT_THAT(complaints(), ElementsAre(HasSubstr("space n1 warning 1.00 TiB free, 100 files")));
  nodes[0].results.free_inodes = -1;
  EXPECT_THAT(complaints(), IsEmpty());
}

TEST(NcclInterfaces, FollowItsOrder) {
  const std::vector<Interface> all{{"lo", "", true}, {"docker0", "", false}, {"eth0", "", false}, {"ib0", "", false}};
  EXPECT_THAT(nccl_interfaces(all, ""), ElementsAre("ib0"));
  EXPECT_THAT(nccl_interfaces({all[0], all[1], all[2]}, ""), ElementsAre("eth0"));
  EXPECT_THAT(nccl_interfaces({all[0], all[1]}, ""), ElementsAre("lo", "docker0"));
  EXPECT_THAT(nccl_interfaces(all, "eth,docker"), ElementsAre("docker0", "eth0"));
  EXPECT_THAT(nccl_interfaces(all, "^lo,docker"), ElementsAre("eth0", "ib0"));
  EXPECT_THAT(nccl_interfaces(all, "=eth"), IsEmpty());
  EXPECT_THAT(nccl_interfaces(all, "=eth0"), ElementsAre("eth0"));
}

TEST(Ranges, JoinNeighbours) {
  EXPECT_EQ(ranges({}), "");
  EXPECT_EQ(ranges({4}), "4");
  EXPECT_EQ(ranges({0, 1, 2, 5, 7, 8}), "0-2,5,7-8");
}

}  // namespace
}  // namespace trainyard::doctor

#include "doctor/facts.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "support/temporary_folder.h"

namespace trainyard::doctor {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(Facts, OfThisProcess) {
  EXPECT_THAT(allowed_cpus(), Not(IsEmpty()));
  EXPECT_TRUE(std::ranges::is_sorted(allowed_cpus()));
  EXPECT_TRUE(std::ranges::any_of(network_interfaces(), &Interface::loopback));
}

TEST(Facts, OfAFolderThatIsMadeAndLeftEmpty) {
  const trainyard::testing::TemporaryFolder folder;
  const FolderFacts facts = examine_folder(folder / "new/results", 3);
  EXPECT_EQ(facts.failure, "");
  EXPECT_TRUE(facts.locks);
  EXPECT_GT(facts.free_bytes, 0);
  EXPECT_TRUE(std::filesystem::is_empty(folder / "new/results"));
}

TEST(Facts, OfAFolderThatCannotBe) {
  const trainyard::testing::TemporaryFolder folder;
  std::ofstream(folder / "file") << "x";
  EXPECT_THAT(examine_folder(folder / "file", 0).failure, HasSubstr("Not a directory"));
}

TEST(Facts, ComeThroughTextUnchanged) {
  RankFacts rank;
  rank.rank = 3;
  rank.local_rank = 1;
  rank.node = "n\xff\n1";
  rank.cpus = {0, 2};
  rank.omp_threads = 4;
  rank.device = "cuda:1";
  rank.gpu = "H\"100";
  rank.uuid = "GPU-1";
  rank.far = {0};
  rank.visible_gpus = 2;
  const RankFacts back = rank_facts(to_text(rank));
  EXPECT_EQ(to_text(back), to_text(rank));
  EXPECT_EQ(back.cpus, rank.cpus);
  EXPECT_EQ(back.gpu, rank.gpu);
  EXPECT_EQ(back.visible_gpus, 2);
  EXPECT_EQ(back.far, rank.far);
  NodeFacts node;
  node.node = "n1";
  node.interfaces = {{"eth0", "10.0.0.1", false}, {"lo", "127.0.0.1", true}};
  node.infiniband = {"mlx5_0"};
  node.results = {"why", true, 5, -1};
  EXPECT_EQ(to_text(node_facts(to_text(node))), to_text(node));
  EXPECT_EQ(node_facts(to_text(node)).results.free_inodes, -1);
  EXPECT_TRUE(node_facts(to_text(node)).interfaces[1].loopback);
}

}  // namespace
}  // namespace trainyard::doctor

#include "report/discovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "core/error.h"
#include "support/temporary_folder.h"

namespace trainyard::report {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class DiscoveryTest : public ::testing::Test {
 protected:
  fs::path touch(const std::string& name) const {
    const fs::path path = root_ / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << "x";
    return path;
  }
  fs::path root() const { return root_ / "results"; }

  trainyard::testing::TemporaryFolder root_;
};

TEST_F(DiscoveryTest, FindsLogsAtAnyDepthAndReadsTheirPlace) {
  touch("results/study/resnet/77/restart-002/rank-00003.h5");
  touch("results/flat/rank-0.h5");
  touch("results/flat/notes.h5");
  touch("results/flat/rank-.h5");
  touch("results/flat/.rank-00000.h5.next");
  touch("results/.hidden/rank-00000.h5");
  const Discovery found = discover({root()});
  EXPECT_TRUE(found.problems.empty());
  ASSERT_EQ(found.files.size(), 2U);
  EXPECT_EQ(found.files[0].folder, "results/flat");
  EXPECT_EQ(found.files[0].run, "flat");
  EXPECT_FALSE(found.files[0].restart.has_value());
  EXPECT_EQ(found.files[1].folder, "results/study/resnet/77");
  EXPECT_EQ(found.files[1].run, "resnet");
  EXPECT_EQ(found.files[1].job_id, "77");
  EXPECT_EQ(found.files[1].restart, 2);
}

TEST_F(DiscoveryTest, FindsNoFileTwice) {
  touch("results/a/rank-00000.h5");
  fs::create_directory_symlink(root(), root() / "a" / "up");  // a loop
  fs::create_hard_link(root() / "a" / "rank-00000.h5", root() / "a" / "rank-00001.h5");
  EXPECT_EQ(discover({root(), root() / "a", root()}).files.size(), 1U);
}

TEST_F(DiscoveryTest, FollowsLinksToFoldersElsewhere) {
  touch("scratch/1/restart-000/rank-00000.h5");
  fs::create_directories(root());
  fs::create_directory_symlink(root_ / "scratch", root() / "run");
  const Discovery found = discover({root()});
  ASSERT_EQ(found.files.size(), 1U);
  EXPECT_EQ(found.files[0].folder, "results/run/1");
}

TEST_F(DiscoveryTest, NamesWhatIsNoPlainFile) {
  fs::create_directories(root());
  ASSERT_EQ(::mkfifo((root() / "rank-00000.h5").c_str(), 0600), 0);
  fs::create_symlink("nowhere", root() / "rank-00001.h5");
  const Discovery found = discover({root()});
  EXPECT_TRUE(found.files.empty());
  ASSERT_EQ(found.problems.size(), 2U);
  EXPECT_THAT(found.problems[0].what, HasSubstr("not a plain file"));
  EXPECT_THAT(found.problems[1].what, HasSubstr("cannot be read"));
}

TEST_F(DiscoveryTest, RefusesWhatIsNoFolder) {
  const fs::path file = touch("results/file");
  EXPECT_THROW(discover({file}), core::UsageError);
  EXPECT_THROW(discover({root() / "missing"}), core::UsageError);
}

}  // namespace
}  // namespace trainyard::report

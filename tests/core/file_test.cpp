#include "core/file.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "core/atomic_file.h"
#include "core/error.h"
#include "support/temporary_folder.h"

namespace trainyard::core {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using trainyard::testing::entries;
using trainyard::testing::TemporaryFolder;

TEST(ReadFile, ReadsAll) {
  const TemporaryFolder folder;
  const std::string content(100'000, 'x');
  write_file_atomically(folder / "a", content);
  EXPECT_EQ(read_file(folder / "a"), content);
}

TEST(ReadFile, NamesWhatIsWrong) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "12345");
  EXPECT_THAT([&] { read_file(folder / "none"); },
              ThrowsMessage<Error>(AllOf(HasSubstr("none"), HasSubstr("No such file"))));
  EXPECT_THAT([&] { read_file(folder.path()); }, ThrowsMessage<Error>(HasSubstr("not a regular file")));
  EXPECT_THAT([&] { read_file(folder / "a", 4); }, ThrowsMessage<Error>(HasSubstr("limit of 4 B")));
  EXPECT_EQ(read_file(folder / "a", 5), "12345");
}

TEST(WriteFileAtomically, ReplacesAndKeepsPermissions) {
  const TemporaryFolder folder;
  const auto path = folder / "a";
  write_file_atomically(path, "old");
  ASSERT_EQ(::chmod(path.c_str(), 0600), 0);
  write_file_atomically(path, "new");
  EXPECT_EQ(read_file(path), "new");
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600U);
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(WriteFileAtomically, FailsWithoutTrace) {
  const TemporaryFolder folder;
  EXPECT_THAT([&] { write_file_atomically(folder / "none/a", "x"); },
              ThrowsMessage<Error>(AllOf(HasSubstr("none/a"), HasSubstr("No such file"))));
  EXPECT_THAT([&] { write_file_atomically(folder.path(), "x"); }, ThrowsMessage<Error>(HasSubstr("folder")));
  EXPECT_EQ(entries(folder.path()), 0U);
}

TEST(WriteFileAtomically, KeepsTheOldFileWhenTheDiskIsFull) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a", "old");
  // A limit on file sizes stands in for a full disk: write(2) fails half way.
  rlimit former{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &former), 0);
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = former;
  small.rlim_cur = 4096;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_THAT([&] { write_file_atomically(folder / "a", std::string(10'000, 'x')); },
              ThrowsMessage<Error>(HasSubstr("File too large")));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &former), 0);
  std::signal(SIGXFSZ, SIG_DFL);
  EXPECT_EQ(read_file(folder / "a"), "old");
  EXPECT_EQ(entries(folder.path()), 1U);
}

TEST(WriteFileAtomically, IsNotHeldUpByWhatAKilledProgramLeft) {
  const TemporaryFolder folder;
  for (int i = 0; i < 1000; ++i) {  // names by process number come again: in containers every time
    const std::string left = ".a." + std::to_string(::getpid()) + "." + std::to_string(i) + ".tmp";
    std::ofstream(folder / left) << "left behind";
  }
  write_file_atomically(folder / "a", "new");
  EXPECT_EQ(read_file(folder / "a"), "new");
}

}  // namespace
}  // namespace trainyard::core

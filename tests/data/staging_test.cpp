#include "data/staging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/file.h"
#include "data/mapped_file.h"
#include "support/temporary_folder.h"

namespace trainyard::data {
namespace {

using trainyard::testing::entries;
using trainyard::testing::TemporaryFolder;

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

/// The three variables as a test wants them, put back afterwards.
class Variables {
 public:
  Variables(const char* slurm_tmpdir, const char* slurm_jobtmp, const char* tmpdir) {
    set("SLURM_TMPDIR", slurm_tmpdir);
    set("SLURM_JOBTMP", slurm_jobtmp);
    set("TMPDIR", tmpdir);
  }
  ~Variables() {
    for (const auto& [name, value] : before_) {
      if (value) {
        ::setenv(name.c_str(), value->c_str(), 1);
      } else {
        ::unsetenv(name.c_str());
      }
    }
  }

 private:
  void set(const char* name, const char* value) {
    const char* before = std::getenv(name);
    before_.emplace_back(name, before == nullptr ? std::nullopt : std::optional<std::string>(before));
    if (value == nullptr) {
      ::unsetenv(name);
    } else {
      ::setenv(name, value, 1);
    }
  }
  std::vector<std::pair<std::string, std::optional<std::string>>> before_;
};

TEST(StagingFolder, IsTheFirstOfTheThreeVariablesThatIsSet) {
  const TemporaryFolder a, b, c;
  const std::string first = a.path().string(), second = b.path().string(), third = c.path().string();
  {
    const Variables variables(first.c_str(), second.c_str(), third.c_str());
    EXPECT_EQ(staging_folder(), a.path());
  }
  {
    const Variables variables("", second.c_str(), third.c_str());
    EXPECT_EQ(staging_folder(), b.path());
  }
  {
    const Variables variables(nullptr, nullptr, third.c_str());
    EXPECT_EQ(staging_folder(), c.path());
  }
  {
    const Variables variables(nullptr, nullptr, nullptr);
    EXPECT_THAT(staging_folder,
                ThrowsMessage<core::UsageError>(HasSubstr("none of SLURM_TMPDIR, SLURM_JOBTMP and TMPDIR is set")));
  }
  const Variables variables(nullptr, "/nowhere/at/all", third.c_str());
  EXPECT_THAT(staging_folder,
              ThrowsMessage<core::UsageError>(HasSubstr("SLURM_JOBTMP = /nowhere/at/all is no folder")));
}

TEST(StagedFile, IsACopyThatGoesAndStaysReadableForThoseWhoHaveIt) {
  const TemporaryFolder from, to;
  const std::vector<std::uint8_t> bytes(5 << 20, 7);
  const fs::path source = from.write("a.h5", bytes);
  std::optional<StagedFile> staged(std::in_place, source, to / "b.h5");
  EXPECT_EQ(core::read_file(to / "b.h5"), core::read_file(source));
  EXPECT_EQ(fs::status(to / "b.h5").permissions(), fs::perms::owner_read | fs::perms::owner_write);
  const MappedFile mapped((to / "b.h5").string());
  staged.reset();
  EXPECT_EQ(entries(to.path()), 0u);
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), mapped.bytes().begin(), mapped.bytes().end()));
}

/// No file may grow beyond 1 MiB, so that a test that fails does not fill the disk.
class SmallFilesOnly {
 public:
  SmallFilesOnly() {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{.rlim_cur = 1 << 20, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    ignored_ = std::signal(SIGXFSZ, SIG_IGN);
  }
  ~SmallFilesOnly() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, ignored_);
  }

 private:
  rlimit before_{};
  void (*ignored_)(int) = nullptr;
};

TEST(StagedFile, IsRefusedWhereThereIsNoRoom) {
  const TemporaryFolder from, to;
  const fs::path source = from.write("large.h5", std::vector<std::uint8_t>(1));
  fs::resize_file(source,
                  fs::space(to.path()).available + (std::uintmax_t{1} << 40));  // sparse: it takes no room itself
  const SmallFilesOnly limit;
  EXPECT_THAT([&] { StagedFile(source, to / "b.h5"); },
              ThrowsMessage<core::UsageError>(AllOf(HasSubstr(to.path().string() + " has "), HasSubstr(source.string()),
                                                    HasSubstr("stage-data = false"))));
  EXPECT_EQ(entries(to.path()), 0u);
}

TEST(StagedFile, LeavesNothingBehindWhenTheSourceCannotBeRead) {
  const TemporaryFolder to;
  EXPECT_THROW(StagedFile(to / "missing.h5", to / "b.h5"), core::Error);
  EXPECT_EQ(entries(to.path()), 0u);
}

}  // namespace
}  // namespace trainyard::data

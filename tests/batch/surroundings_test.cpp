#include "batch/surroundings.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "refusal.h"

namespace trainyard::batch {
namespace {

namespace fs = std::filesystem;

TEST(CurrentSurroundings, AreThoseOfThisProcess) {
  const Surroundings surroundings = current_surroundings();
  EXPECT_GE(surroundings.cores, 1);
  EXPECT_THAT(surroundings.environment, testing::Contains(testing::Key("TRAINYARD_SOURCE_DIR")));
}

TEST(FindProgram, LooksAlongThePathAndPastWhatCannotBeExecuted) {
  const fs::path folder = fs::path(testing::TempDir()) / "surroundings_test";
  fs::remove_all(folder);
  fs::create_directories(folder / "a" / "tool");  // a folder of that name is no program
  fs::create_directories(folder / "b");
  fs::create_directories(folder / "c");
  std::ofstream(folder / "b" / "tool") << "not executable";
  std::ofstream(folder / "c" / "tool") << "#!/bin/sh\n";
  fs::permissions(folder / "c" / "tool", fs::perms::owner_all);
  const std::string path = (folder / "a").string() + ":" + (folder / "b").string() + ":" + (folder / "c").string();
  EXPECT_EQ(find_program("tool", path), (folder / "c" / "tool").string());
  EXPECT_EQ(find_program("tool", (folder / "a").string()), std::nullopt);
  EXPECT_EQ(find_program((folder / "c" / "tool").string(), ""), (folder / "c" / "tool").string());
  EXPECT_EQ(find_program((folder / "b" / "tool").string(), path), std::nullopt);
  fs::remove_all(folder);
}

TEST(CurrentSurroundings, AnSrunThatFailsIsNotOneWithoutPmix) {
  const fs::path folder = fs::path(testing::TempDir()) / "surroundings_srun_test";
  fs::create_directories(folder);
  const auto srun_says = [&folder](const std::string& script) {
    std::ofstream(folder / "srun") << "#!/bin/sh\n" << script;
    fs::permissions(folder / "srun", fs::perms::owner_all);
  };
  const std::string former = std::getenv("PATH");
  ASSERT_EQ(setenv("PATH", (folder.string() + ":" + former).c_str(), 1), 0);
  srun_says("echo 'MPI plugin types are: pmix'\n");
  EXPECT_THAT(current_surroundings().srun_mpi_list(), testing::HasSubstr("pmix"));
  srun_says("echo 'srun: error: no configuration' >&2; exit 1\n");
  const std::string text = test::refusal<core::Error>([] { current_surroundings().srun_mpi_list(); });
  EXPECT_THAT(text, testing::AllOf(testing::HasSubstr("no configuration"), testing::HasSubstr("--launcher mpirun")));
  ASSERT_EQ(setenv("PATH", former.c_str(), 1), 0);
  fs::remove_all(folder);
}

}  // namespace
}  // namespace trainyard::batch

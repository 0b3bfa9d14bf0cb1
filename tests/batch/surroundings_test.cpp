#include "batch/surroundings.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <string>

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

}  // namespace
}  // namespace trainyard::batch

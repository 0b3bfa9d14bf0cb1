#include "core/json.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "core/atomic_file.h"
#include "core/error.h"
#include "temporary_folder.h"

namespace trainyard::core {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(ReadJson, Reads) {
  const trainyard::testing::TemporaryFolder folder;
  write_file_atomically(folder / "a.json", R"({"runs": [1, 2.5, "x"]})");
  EXPECT_EQ(read_json_file(folder / "a.json")["runs"][1], 2.5);
}

TEST(ReadJson, NamesLineAndColumn) {
  const trainyard::testing::TemporaryFolder folder;
  write_file_atomically(folder / "a.json", "{\n  \"a\": 1,\n  oops\n}");
  EXPECT_THAT([&] { read_json_file(folder / "a.json"); }, ThrowsMessage<Error>(EndsWith("a.json:3:3: not valid JSON")));
  write_file_atomically(folder / "a.json", "");
  EXPECT_THAT([&] { read_json_file(folder / "a.json"); }, ThrowsMessage<Error>(EndsWith("a.json:1:1: not valid JSON")));
}

TEST(ReadJson, RefusesDepth) {
  const trainyard::testing::TemporaryFolder folder;
  write_file_atomically(folder / "a.json", std::string(100'000, '[') + std::string(100'000, ']'));
  EXPECT_THAT([&] { read_json_file(folder / "a.json"); }, ThrowsMessage<Error>(HasSubstr("nested deeper")));
}

}  // namespace
}  // namespace trainyard::core

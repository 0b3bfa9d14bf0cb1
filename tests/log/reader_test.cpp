#include "log/reader.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "sample_log.h"
#include "support/temporary_folder.h"

namespace trainyard::log {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using trainyard::testing::TemporaryFolder;
namespace hdf5 = core::hdf5;

void add_column(hdf5::Group& group, const char* name, const std::vector<std::int64_t>& values) {
  group.create_int64_column(name, {}).append(std::span<const std::int64_t>(values));
}

/// The least that a file of another program must hold.
hdf5::File minimal_log(const std::filesystem::path& path) {
  hdf5::File file = hdf5::File::create(path);
  file.set_attribute("schema", kSchemaName);
  file.set_attribute("rank", std::int64_t{0});
  file.set_attribute("world_size", std::int64_t{1});
  hdf5::Group steps = file.create_group("steps");
  add_column(steps, "step", {0, 1, 2});
  add_column(steps, "step_ns", {10, 20});
  add_column(steps, "samples", {32, 32, 16});
  return file;
}

TEST(Reader, TakesTheLeastThereMayBe) {
  const TemporaryFolder folder;
  minimal_log(folder / "a.h5").close();
  const Reader reader(folder / "a.h5");
  EXPECT_EQ(reader.attributes().world_size, 1);
  EXPECT_EQ(reader.attributes().model, "");
  EXPECT_FALSE(reader.complete());
  const auto steps = reader.read<StepRow>();
  EXPECT_THAT(steps[&StepRow::step_ns], ElementsAre(10, 20));
  EXPECT_THAT(steps[&StepRow::samples], ElementsAre(32, 32)) << "the shortest column counts";
  EXPECT_TRUE(steps.has(&StepRow::step_ns));
  EXPECT_FALSE(steps.has(&StepRow::loss));
  EXPECT_TRUE(std::isnan(steps[&StepRow::loss][1]));
  EXPECT_THAT(steps[&StepRow::data_ns], ElementsAre(0, 0));
  EXPECT_TRUE(reader.read<EpochRow>().empty());
}

TEST(Reader, IgnoresWhatItDoesNotKnow) {
  const TemporaryFolder folder;
  hdf5::File file = minimal_log(folder / "a.h5");
  file.create_group("surprises");
  file.set_attribute("extra", 1.5);
  hdf5::Group steps = file.open_group("steps");
  steps.create_group("loss");  // a column's name, but no column
  add_column(steps, "unknown", {1});
  file.close();
  EXPECT_EQ(Reader(folder / "a.h5").read<StepRow>().size(), 2U);
}

TEST(Reader, MapsCollectivesByName) {
  const TemporaryFolder folder;
  hdf5::File file = minimal_log(folder / "a.h5");
  hdf5::Group group = file.create_group("collectives");
  for (const char* name : {"sequence", "bytes", "start_ns", "end_ns"})
    add_column(group, name, {1, 2, 3});
  const std::vector<hdf5::EnumMember> members{{"broadcast", 0}, {"all_reduce", 7}, {"mystery", 9}};
  const std::vector<std::int64_t> values{7, 0, 9};
  group.create_enum_column("op", members, {}).append(std::span<const std::int64_t>(values));
  file.close();
  EXPECT_THAT(Reader(folder / "a.h5").read<CollectiveRow>()[&CollectiveRow::op],
              ElementsAre(CollectiveOp::kAllReduce, CollectiveOp::kBroadcast, CollectiveOp::kOther));
}

TEST(Reader, NamesWhatIsMissingOrWrong) {
  const TemporaryFolder folder;
  const auto path = folder / "a.h5";
  const auto refuses = [&](const std::string& what) {
    EXPECT_THAT([&] { Reader(path).read<StepRow>(); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr(path.string()), HasSubstr(what))));
  };
  hdf5::File::create(path).close();
  refuses("no attribute 'schema'");
  hdf5::File other = hdf5::File::create(path);
  other.set_attribute("schema", "trainyard-timing/2\n");
  other.close();
  refuses("schema 'trainyard-timing/2' instead of 'trainyard-timing/1'");
  hdf5::File bare = hdf5::File::create(path);
  bare.set_attribute("schema", kSchemaName);
  bare.close();
  refuses("attribute 'rank' is missing");
  hdf5::File textual = minimal_log(path);
  textual.set_attribute("rank", "zero");
  textual.close();
  refuses("attribute 'rank' is not a number");
  hdf5::File empty = hdf5::File::create(path);
  empty.set_attribute("schema", kSchemaName);
  empty.set_attribute("rank", std::int64_t{0});
  empty.set_attribute("world_size", std::int64_t{1});
  empty.close();
  refuses("no table '/steps'");
  hdf5::File file = hdf5::File::create(path);
  file.set_attribute("schema", kSchemaName);
  file.set_attribute("rank", std::int64_t{0});
  file.set_attribute("world_size", std::int64_t{1});
  hdf5::Group steps = file.create_group("steps");
  add_column(steps, "step", {0});
  file.close();
  refuses("the column 'step_ns' is missing");
  hdf5::File words = minimal_log(path);
  hdf5::Group word_steps = words.open_group("steps");
  word_steps.create_text_column("loss", 8, {}).append(std::vector<std::string>{"a", "b"});
  words.close();
  refuses("does not hold numbers");
}

}  // namespace
}  // namespace trainyard::log

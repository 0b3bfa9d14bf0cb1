#include "core/hdf5.h"

#include <gmock/gmock.h>
#include <hdf5.h>
#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <fstream>
#include <thread>

#include "support/temporary_folder.h"

namespace trainyard::core::hdf5 {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using trainyard::testing::TemporaryFolder;

TEST(Hdf5Attributes, ComeBack) {
  const TemporaryFolder folder;
  {
    File file = File::create(folder / "a.h5");
    file.set_attribute("text", "first");
    file.set_attribute("text", "h\u00e9llo");  // replaces
    file.set_attribute("empty", "");
    file.set_attribute("long", std::string(100'000, 'x'));
    file.set_attribute("int", std::int64_t{-5});
    file.set_attribute("double", 2.5);
    file.close();
  }
  const File file = File::open_for_reading(folder / "a.h5");
  EXPECT_EQ(file.text_attribute("text"), "h\u00e9llo");
  EXPECT_EQ(file.text_attribute("empty"), "");
  EXPECT_EQ(file.text_attribute("long").size(), 100'000U);
  EXPECT_EQ(file.int_attribute("int"), -5);
  EXPECT_EQ(file.double_attribute("double"), 2.5);
  EXPECT_EQ(file.double_attribute("int"), -5.0);
  EXPECT_FALSE(file.has_attribute("none"));
  EXPECT_THAT([&] { file.text_attribute("none"); },
              ThrowsMessage<Error>(AllOf(HasSubstr("a.h5 attribute 'none'"), HasSubstr("missing"))));
  EXPECT_THAT([&] { file.text_attribute("int"); }, ThrowsMessage<Error>(HasSubstr("not text")));
  EXPECT_THAT([&] { file.int_attribute("text"); }, ThrowsMessage<Error>(HasSubstr("not a number")));
}

TEST(Hdf5Column, AppendsOverChunksAndReopening) {
  const TemporaryFolder folder;
  std::vector<std::int64_t> expected;
  for (int round = 0; round < 5; ++round) {
    File file = round == 0 ? File::create(folder / "a.h5") : File::open_for_writing(folder / "a.h5");
    if (round == 0) file.create_group("g").create_int64_column("c", {.chunk_rows = 8});
    std::vector<std::int64_t> values;
    for (std::int64_t i = 0; i < 7; ++i)
      values.push_back(round * 100 + i);
    file.open_group("g").open_column("c").append(std::span<const std::int64_t>(values));
    expected.insert(expected.end(), values.begin(), values.end());
    file.close();
  }
  const File file = File::open_for_reading(folder / "a.h5");
  const Column column = file.open_group("g").open_column("c");
  EXPECT_EQ(column.rows(), 35U);
  EXPECT_EQ(column.chunk_rows(), 8U);
  EXPECT_EQ(column.read_int64(0, 35), expected);
  EXPECT_THAT(column.read_int64(7, 2), ElementsAre(100, 101));
  EXPECT_THAT(column.read_double(34, 1), ElementsAre(406.0));
  EXPECT_THAT([&] { column.read_int64(30, 6); }, ThrowsMessage<Error>(HasSubstr("a.h5:/g/c has 35 rows")));
  EXPECT_THAT([&] { column.read_int64(UINT64_MAX, 2); }, ThrowsMessage<Error>(HasSubstr("35 rows")));
  EXPECT_THAT([&] { column.read_text(0, 1); }, ThrowsMessage<Error>(HasSubstr("does not hold text")));
}

TEST(Hdf5Column, HoldsTextAndEnumerations) {
  const TemporaryFolder folder;
  File file = File::create(folder / "a.h5");
  Column text = file.create_text_column("t", 4, {});
  const std::vector<std::string> words{"", "abcd", "abcdef", "abc\u00e9"};
  text.append(std::span<const std::string>(words));
  EXPECT_TRUE(text.is_text());
  EXPECT_THAT(text.read_text(0, 4), ElementsAre("", "abcd", "abcd", "abc"));
  EXPECT_THAT([&] { text.read_int64(0, 1); }, ThrowsMessage<Error>(HasSubstr("does not hold numbers")));

  const std::vector<EnumMember> members{{"one", 1}, {"last", 127}};
  Column kind = file.create_enum_column("e", members, {});
  const std::vector<std::int64_t> values{127, 1};
  kind.append(std::span<const std::int64_t>(values));
  EXPECT_TRUE(kind.is_enum());
  EXPECT_THAT(kind.read_int64(0, 2), ElementsAre(127, 1));
  ASSERT_EQ(kind.enum_members().size(), 2U);
  EXPECT_EQ(kind.enum_members()[1].name, "last");
  EXPECT_EQ(kind.enum_members()[1].value, 127);
  const std::vector<EnumMember> wide{{"wide", 128}};
  EXPECT_THAT([&] { file.create_enum_column("w", wide, {}); }, ThrowsMessage<Error>(HasSubstr("'wide'")));
  EXPECT_THAT(file.names(), ElementsAre("e", "t"));
}

TEST(Hdf5File, NamesWhatCannotBeOpened) {
  const TemporaryFolder folder;
  EXPECT_THAT([&] { File::open_for_reading(folder / "none"); },
              ThrowsMessage<Error>(AllOf(HasSubstr("none"), HasSubstr("No such file or directory"))));
  EXPECT_THAT([&] { File::open_for_reading(folder.path()); }, ThrowsMessage<Error>(HasSubstr("it is a folder")));
  EXPECT_THAT([&] { File::create(folder / "none/a.h5"); }, ThrowsMessage<Error>(HasSubstr("No such file")));
  std::ofstream(folder / "text") << "hello";
  EXPECT_THAT([&] { File::open_for_reading(folder / "text"); }, ThrowsMessage<Error>(HasSubstr("signature not found")));
  std::ofstream(folder / "empty").flush();
  EXPECT_THROW(File::open_for_reading(folder / "empty"), Error);
}

TEST(Hdf5File, SaysThatATruncatedFileIsTruncated) {
  const TemporaryFolder folder;
  File file = File::create(folder / "a.h5");
  file.create_int64_column("c", {});
  file.close();
  std::filesystem::resize_file(folder / "a.h5", std::filesystem::file_size(folder / "a.h5") - 1);
  EXPECT_THAT([&] { File::open_for_reading(folder / "a.h5"); }, ThrowsMessage<Error>(HasSubstr("truncated")));
}

TEST(Hdf5File, LocksAreKept) {
  const TemporaryFolder folder;
  File writer = File::create(folder / "a.h5");
  EXPECT_THROW(File::open_for_reading(folder / "a.h5"), File::Busy);
  writer.close();
  const File reader = File::open_for_reading(folder / "a.h5");
  EXPECT_NO_THROW(File::open_for_reading(folder / "a.h5"));
  EXPECT_THROW(File::open_for_writing(folder / "a.h5"), File::Busy);
}

TEST(Hdf5File, AFullDiskIsAnErrorAndTheLibraryGoesOn) {
  const TemporaryFolder folder;
  rlimit former{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &former), 0);
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = former;
  small.rlim_cur = 20'000;
  std::vector<double> values(50'000);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = std::sin(static_cast<double>(i));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  EXPECT_THAT(
      [&] {
        File file = File::create(folder / "full.h5");
        file.create_double_column("c", {}).append(std::span<const double>(values));
        file.close();
      },
      ThrowsMessage<Error>(HasSubstr("full.h5")));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &former), 0);
  std::signal(SIGXFSZ, SIG_DFL);
  File file = File::create(folder / "b.h5");
  file.create_double_column("c", {}).append(std::span<const double>(values));
  file.close();
  EXPECT_EQ(File::open_for_reading(folder / "b.h5").open_column("c").read_double(0, values.size()), values);
}

TEST(Hdf5Hostile, LinksOutOfTheFileAreNotFollowed) {
  const TemporaryFolder folder;
  File::create(folder / "target.h5").create_int64_column("c", {});
  File file = File::create(folder / "a.h5");
  file.close();
  const hid_t raw = H5Fopen((folder / "a.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  ASSERT_GE(H5Lcreate_external("target.h5", "/c", raw, "external", H5P_DEFAULT, H5P_DEFAULT), 0);
  ASSERT_GE(H5Lcreate_soft("/external", raw, "soft", H5P_DEFAULT, H5P_DEFAULT), 0);
  ASSERT_GE(H5Fclose(raw), 0);
  const File opened = File::open_for_reading(folder / "a.h5");
  for (const char* name : {"external", "soft", "..", ".", "", "/", "a/b"}) {
    EXPECT_FALSE(opened.has(name)) << name;
    EXPECT_THROW(opened.open_column(name), Error) << name;
  }
  EXPECT_TRUE(opened.names().empty());
}

/// A data set made by the C API: `rows` rows that were never written.
void make_column(const std::filesystem::path& path, hsize_t rows, hid_t properties) {
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t space = H5Screate_simple(1, &rows, nullptr);
  const hid_t data = H5Dcreate2(file, "c", H5T_NATIVE_INT64, space, H5P_DEFAULT, properties, H5P_DEFAULT);
  ASSERT_GE(data, 0);
  EXPECT_GE(H5Dclose(data), 0);
  EXPECT_GE(H5Sclose(space), 0);
  EXPECT_GE(H5Fclose(file), 0);
}

TEST(Hdf5Hostile, AbsurdSizesAreRefusedBeforeAllocation) {
  const TemporaryFolder folder;
  hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  hsize_t chunk = 64;
  ASSERT_GE(H5Pset_chunk(properties, 1, &chunk), 0);
  constexpr hsize_t kRows = hsize_t{1} << 59;
  make_column(folder / "extent.h5", kRows, properties);
  const File extent = File::open_for_reading(folder / "extent.h5");
  const Column column = extent.open_column("c");
  EXPECT_THAT([&] { column.read_int64(0, kRows); }, ThrowsMessage<Error>(HasSubstr("more than a file of")));
  EXPECT_EQ(column.read_int64(kRows - 1, 1).size(), 1U);
  chunk = 400'000'000;
  ASSERT_GE(H5Pset_chunk(properties, 1, &chunk), 0);
  make_column(folder / "chunk.h5", kRows, properties);
  EXPECT_THAT([&] { File::open_for_reading(folder / "chunk.h5").open_column("c"); },
              ThrowsMessage<Error>(HasSubstr("chunks of 400000000 rows")));
  EXPECT_GE(H5Pclose(properties), 0);
}

TEST(Hdf5Hostile, StorageOutsideTheFileIsRefused) {
  const TemporaryFolder folder;
  const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  ASSERT_GE(H5Pset_external(properties, "/etc/hostname", 0, 80), 0);
  make_column(folder / "external.h5", 10, properties);
  EXPECT_THAT([&] { File::open_for_reading(folder / "external.h5").open_column("c"); },
              ThrowsMessage<Error>(HasSubstr("outside the file")));
  EXPECT_GE(H5Pclose(properties), 0);
}

TEST(Hdf5Threads, TwoThreadsTwoFiles) {
  const TemporaryFolder folder;
  const auto work = [&](const std::string& name) {
    for (int round = 0; round < 20; ++round) {
      File file = File::create(folder / name);
      const std::vector<std::int64_t> values(100, round);
      file.create_int64_column("c", {}).append(std::span<const std::int64_t>(values));
      file.close();
      EXPECT_EQ(File::open_for_reading(folder / name).open_column("c").read_int64(0, 100), values);
      EXPECT_THROW(File::open_for_reading(folder / (name + "none")), Error);
    }
  };
  std::thread other(work, "b.h5");
  work("a.h5");
  other.join();
}

}  // namespace
}  // namespace trainyard::core::hdf5

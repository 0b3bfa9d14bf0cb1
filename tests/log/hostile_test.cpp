#include <gtest/gtest.h>
#include <hdf5.h>
#include <sys/resource.h>

#include <fstream>
#include <random>

#include "core/error.h"
#include "core/file.h"
#include "log/reader.h"
#include "sample_log.h"
#include "support/temporary_folder.h"

namespace trainyard::log {
namespace {

using trainyard::testing::TemporaryFolder;

void write_file(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

/// Reads everything; a damaged file may still be readable, but nothing other than core::Error may come of it.
bool readable(const std::filesystem::path& path) {
  try {
    const Reader reader(path);
    for_each_table([&]<class Row>(std::type_identity<Row>) { static_cast<void>(reader.read<Row>().size()); });
    return true;
  } catch (const core::Error& error) {
    EXPECT_NE(std::string(error.what()).find(path.string()), std::string::npos) << error.what();
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    return false;
  }
}

TEST(HostileLog, EveryTruncationIsAnError) {
  const TemporaryFolder folder;
  trainyard::testing::write_sample(folder / "a.h5", 100);
  const std::string whole = core::read_file(folder / "a.h5");
  for (std::size_t size = 0; size < whole.size(); size += 97) {
    write_file(folder / "b.h5", whole.substr(0, size));
    EXPECT_FALSE(readable(folder / "b.h5")) << size;
  }
  write_file(folder / "b.h5", whole);
  EXPECT_TRUE(readable(folder / "b.h5"));
}

/// Where the bytes lie that damage may hit. HDF5's global heap, which holds variable-length text, is left out: the
/// library itself follows a damaged one beyond its memory (seen with 1.10.8), and so does every program that reads it.
std::vector<std::size_t> outside_global_heaps(const std::string& file) {
  std::vector<std::size_t> offsets;
  for (std::size_t at = 0; at < file.size(); ++at) {
    if (file.compare(at, 4, "GCOL") == 0) {
      std::uint64_t size = 0;  // after the signature, the version and three reserved bytes
      file.copy(reinterpret_cast<char*>(&size), sizeof size, at + 8);
      at += size - 1;
    } else {
      offsets.push_back(at);
    }
  }
  return offsets;
}

TEST(HostileLog, FlippedBytesAreErrorsAtWorst) {
  const TemporaryFolder folder;
  trainyard::testing::write_sample(folder / "a.h5", 100);
  const std::string whole = core::read_file(folder / "a.h5");
  const std::vector<std::size_t> targets = outside_global_heaps(whole);
  std::mt19937 random(20240607);
  int refused = 0;
  constexpr int kFiles = 400;
  for (int i = 0; i < kFiles; ++i) {
    std::string damaged = whole;
    const int flips = 1 + static_cast<int>(random() % 8);
    for (int flip = 0; flip < flips; ++flip)
      damaged[targets[random() % targets.size()]] = static_cast<char>(random());
    write_file(folder / "b.h5", damaged);
    refused += readable(folder / "b.h5") ? 0 : 1;
  }
  std::printf("%d of %d damaged logs of %zu bytes refused, the others read\n", refused, kFiles, whole.size());
}

TEST(HostileLog, AForgedNumberOfRowsFillsNoMissingColumn) {
  const TemporaryFolder folder;
  const auto path = folder / "a.h5";
  trainyard::testing::write_sample(path, 1);
  constexpr std::uint64_t kRows = std::uint64_t{1} << 31;
  {
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    ASSERT_GE(file, 0);
    const hid_t steps = H5Gopen2(file, "steps", H5P_DEFAULT);
    ASSERT_GE(steps, 0);
    ASSERT_GE(H5Ldelete(steps, "epoch", H5P_DEFAULT), 0);
    for (const log::Field<log::StepRow>& field : log::table<log::StepRow>().fields) {
      const std::string name(field.name);
      if (name == "epoch") continue;
      const hid_t column = H5Dopen2(steps, name.c_str(), H5P_DEFAULT);
      ASSERT_GE(column, 0);
      const hsize_t extent = kRows;
      ASSERT_GE(H5Dset_extent(column, &extent), 0) << name;
      H5Dclose(column);
    }
    H5Gclose(steps);
    H5Fclose(file);
  }
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  EXPECT_FALSE(readable(path));  // the sanitizers' own memory does not fit under a limit
#else
  rlimit former{};
  ASSERT_EQ(::getrlimit(RLIMIT_AS, &former), 0);
  rlimit small = former;
  small.rlim_cur = rlim_t{4} << 30;  // a column of 2^31 rows takes 16 GiB
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &small), 0);
  EXPECT_FALSE(readable(path));
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &former), 0);
#endif
}

}  // namespace
}  // namespace trainyard::log

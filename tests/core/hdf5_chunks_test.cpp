#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>

#include <cmath>
#include <fstream>
#include <random>

#include "core/error.h"
#include "core/hdf5.h"
#include "support/temporary_folder.h"

namespace trainyard::core::hdf5 {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;
using trainyard::testing::TemporaryFolder;

std::vector<std::int64_t> numbers(std::size_t count, int bits) {
  std::mt19937_64 random(static_cast<std::uint64_t>(bits));
  std::vector<std::int64_t> values(count);
  for (std::int64_t& value : values)
    value = static_cast<std::int64_t>(random() >> (64 - bits));
  return values;
}

TEST(Hdf5Chunks, GiveBackNumbersOfEveryWidth) {
  const TemporaryFolder folder;
  for (const std::uint64_t chunk_rows : {1U, 7U, 64U, 4096U}) {
    for (const int bits : {1, 8, 9, 31, 32, 33, 63, 64}) {
      const std::vector<std::int64_t> written = numbers(1000, bits);
      {
        File file = File::create(folder / "a.h5");
        file.create_int64_column("c", {.chunk_rows = chunk_rows}).append(std::span<const std::int64_t>(written));
        file.close();
      }
      const File file = File::open_for_reading(folder / "a.h5");
      const Column column = file.open_column("c");
      EXPECT_EQ(column.read_int64(0, 1000), written) << chunk_rows << " rows, " << bits << " bits";
      EXPECT_EQ(column.read_int64(0, 10), std::vector<std::int64_t>(written.begin(), written.begin() + 10));
      EXPECT_EQ(column.read_int64(990, 10), std::vector<std::int64_t>(written.end() - 10, written.end()));
      EXPECT_EQ(column.read_double(0, 1000).at(3), static_cast<double>(written[3]));  // converted by the library
    }
  }
}

/// A data set of 100 numbers written past our wrapper, with what makes it unlike our own.
void write_foreign(const std::filesystem::path& path, hid_t type, bool shuffle, bool deflate, bool checksum) {
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hsize_t rows = 100;
  const hsize_t chunk = 30;
  const hid_t space = H5Screate_simple(1, &rows, nullptr);
  const hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(properties, 1, &chunk);
  if (shuffle) H5Pset_shuffle(properties);
  if (deflate) H5Pset_deflate(properties, 4);
  if (checksum) H5Pset_fletcher32(properties);
  const hid_t dataset = H5Dcreate2(file, "c", type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
  std::vector<std::int64_t> values(rows);
  for (std::size_t i = 0; i < rows; ++i)
    values[i] = static_cast<std::int64_t>(i) * 1000;
  ASSERT_GE(H5Dwrite(dataset, H5T_NATIVE_INT64, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), 0);
  H5Dclose(dataset);
  H5Pclose(properties);
  H5Sclose(space);
  H5Fclose(file);
}

TEST(Hdf5Chunks, AreReadIntoFourBytesWhereThatIsEnough) {
  const TemporaryFolder folder;
  const auto compact_of = [&](const std::vector<std::int64_t>& written, std::uint64_t chunk_rows) {
    File file = File::create(folder / "a.h5");
    file.create_int64_column("c", {.chunk_rows = chunk_rows}).append(std::span<const std::int64_t>(written));
    file.close();
    return File::open_for_reading(folder / "a.h5").open_column("c").read_compact(written.size());
  };
  for (const std::uint64_t chunk_rows : {1U, 7U, 4096U}) {
    const std::vector<std::int64_t> small = numbers(1000, 32);
    EXPECT_EQ(std::get<0>(compact_of(small, chunk_rows)), std::vector<std::uint32_t>(small.begin(), small.end()));
    for (const std::int64_t large : {std::int64_t{1} << 32, std::int64_t{-1}}) {
      std::vector<std::int64_t> mixed = small;
      mixed[500] = large;  // the chunks before it were taken for 4 bytes
      EXPECT_EQ(std::get<1>(compact_of(mixed, chunk_rows)), mixed) << chunk_rows << " rows, " << large;
    }
  }
}

TEST(Hdf5Chunks, ReadWhatOthersStoreOtherwise) {
  const TemporaryFolder folder;
  for (const hid_t type : {H5T_STD_I64LE, H5T_STD_I64BE, H5T_STD_I32LE, H5T_STD_U16LE, H5T_IEEE_F64LE}) {
    for (int filters = 0; filters < 8; ++filters) {
      write_foreign(folder / "a.h5", type, (filters & 1) != 0, (filters & 2) != 0, (filters & 4) != 0);
      const File file = File::open_for_reading(folder / "a.h5");
      const std::vector<std::int64_t> values = file.open_column("c").read_int64(0, 60);
      EXPECT_EQ(values.at(59), 59'000) << filters;
      EXPECT_EQ(values.at(1), 1'000) << filters;
      EXPECT_EQ(std::get<0>(file.open_column("c").read_compact(60)).at(59), 59'000U) << filters;
    }
  }
}

TEST(Hdf5Chunks, OfADamagedFileAreNamed) {
  const TemporaryFolder folder;
  {
    File file = File::create(folder / "a.h5");
    file.create_int64_column("c", {.chunk_rows = 4096}).append(std::span<const std::int64_t>(numbers(4096, 40)));
    file.close();
  }
  std::fstream bytes(folder / "a.h5", std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekg(0, std::ios::end);
  const std::streamoff middle = bytes.tellg() / 2;  // the one chunk is nearly all of the file
  bytes.seekp(middle);
  bytes.write("damagedamagedamage", 18);
  bytes.close();
  const File file = File::open_for_reading(folder / "a.h5");
  const Column column = file.open_column("c");
  EXPECT_THAT([&] { column.read_int64(0, 4096); }, ThrowsMessage<Error>(HasSubstr("a.h5:/c: its data are damaged")));
}

}  // namespace
}  // namespace trainyard::core::hdf5

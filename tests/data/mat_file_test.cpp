#include "data/mat_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <random>

#include "core/error.h"
#include "data/mat_bytes.h"
#include "support/fuzz.h"
#include "support/temporary_folder.h"

namespace trainyard::data {
namespace {

using namespace trainyard::testing;

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Bytes counting(std::size_t count) {
  Bytes bytes(count);
  for (std::size_t i = 0; i < count; ++i)
    bytes[i] = static_cast<std::uint8_t>(7 * i);
  return bytes;
}

Bytes two_variables() {
  return mat_file({compressed(mat_variable("X", MatClass::kUint8, {3, 4, 2}, counting(24))),
                   compressed(mat_variable("y", MatClass::kDouble, {2, 1}, {10, 255}))});
}

TEST(MatFile, ReadsCompressedAndPlainVariablesOfBytesAndDoubles) {
  const TemporaryFolder folder;
  const Bytes plain = mat_file({mat_variable("X", MatClass::kUint8, {3, 4, 2}, counting(24)),
                                mat_variable("y", MatClass::kDouble, {2, 1}, {10, 255})});
  for (const Bytes& bytes : {plain, two_variables()}) {
    const MatFile file(folder.write("a.mat", bytes));
    const MatArray x = file.read_bytes("X");
    EXPECT_EQ(x.extents, (std::vector<std::int64_t>{3, 4, 2}));
    EXPECT_EQ(x.values, counting(24));
    const MatArray y = file.read_bytes("y");
    EXPECT_EQ(y.extents, (std::vector<std::int64_t>{2, 1}));
    EXPECT_EQ(y.values, (Bytes{10, 255}));
  }
}

TEST(MatFile, NamesTheFileAndTheVariableItLacks) {
  const TemporaryFolder folder;
  const fs::path path = folder.write("a.mat", two_variables());
  EXPECT_THAT([&] { MatFile(path).read_bytes("Z"); },
              ThrowsMessage<core::Error>(AllOf(HasSubstr(path.string()), HasSubstr("no variable Z"))));
}

TEST(MatFile, RefusesWhatIsNoLevel5File) {
  const TemporaryFolder folder;
  Bytes hdf5 = two_variables();
  hdf5[125] = 2;  // version 7.3
  Bytes big_endian = two_variables();
  std::swap(big_endian[126], big_endian[127]);
  for (const Bytes& bytes : {hdf5, big_endian, Bytes(100, 'x'), Bytes(4000, 'x')}) {
    const fs::path path = folder.write("a.mat", bytes);
    EXPECT_THAT([&] { MatFile{path}; },
                ThrowsMessage<core::Error>(AllOf(HasSubstr(path.string()), HasSubstr("is no MATLAB file"))));
  }
}

TEST(MatFile, RefusesAFileCutAtAnyPlace) {
  const TemporaryFolder folder;
  const Bytes whole = two_variables();
  const std::size_t first_ends =
      mat_file({compressed(mat_variable("X", MatClass::kUint8, {3, 4, 2}, counting(24)))}).size();
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const fs::path path = folder.write("cut.mat", std::span(whole).first(size));
    EXPECT_THAT([&] { MatFile(path).read_bytes("y"); }, ThrowsMessage<core::Error>(HasSubstr(path.string()))) << size;
    if (size == 128 || size == first_ends) continue;  // whole variables remain: none, or all but y
    EXPECT_THROW(MatFile{path}, core::Error) << size;
  }
}

TEST(MatFile, NeverReadsOtherValuesFromADamagedVariable) {
  const TemporaryFolder folder;
  const Bytes whole = mat_file({compressed(mat_variable("X", MatClass::kUint8, {3, 4, 2}, counting(24)))});
  int refused = 0;
  for (std::size_t at = 128 + 8; at < whole.size(); ++at) {
    Bytes damaged = whole;
    damaged[at] ^= 0x10;
    const fs::path path = folder.write("damaged.mat", damaged);
    try {
      // Another copy of the same zeros: deflate has several spellings.
      EXPECT_EQ(MatFile(path).read_bytes("X").values, counting(24)) << at;
    } catch (const core::Error& error) {
      EXPECT_THAT(error.what(), AllOf(HasSubstr(path.string()), HasSubstr("variable 1"))) << at;
      ++refused;
    }
  }
  EXPECT_GT(refused, 60);
}

TEST(MatFile, AllocatesNothingByWhatAHeaderClaims) {
  const TemporaryFolder folder;
  for (const auto& extents : {std::vector<std::uint32_t>{32, 32, 3, 0x7fffffff},
                              std::vector<std::uint32_t>{0x7fffffff, 0x7fffffff, 0x7fffffff, 0x7fffffff},
                              std::vector<std::uint32_t>{3, 4, 3000}}) {
    const fs::path path =
        folder.write("claims.mat", mat_file({compressed(mat_variable("X", MatClass::kUint8, extents, counting(24)))}));
    EXPECT_THAT([&] { MatFile(path).read_bytes("X"); },
                ThrowsMessage<core::Error>(AllOf(HasSubstr(path.string()), HasSubstr("X claims to be"))));
  }
}

TEST(MatFile, RefusesNumbersThatAreNoBytes) {
  const TemporaryFolder folder;
  // Two doubles: 0.5, stored as such, and text.
  Bytes half = mat_variable("y", MatClass::kDouble, {1, 1}, {0, 0, 0, 0, 0, 0, 0xe0, 0x3f});
  half[half.size() - 16] = 9;  // type of the values: double
  const fs::path path = folder.write("a.mat", mat_file({half}));
  EXPECT_THAT([&] { MatFile(path).read_bytes("y"); }, ThrowsMessage<core::Error>(HasSubstr("y holds 0.5")));
  Bytes text = mat_variable("y", MatClass::kUint8, {1, 2}, {65, 66});
  text[16] = 4;  // class of the array: text
  const fs::path other = folder.write("b.mat", mat_file({text}));
  EXPECT_THAT([&] { MatFile(other).read_bytes("y"); },
              ThrowsMessage<core::Error>(HasSubstr("variable 1 is no array of numbers")));
}

/// Any bytes behind the container's own checks: matio gets what inflates well and makes no sense.
TEST(MatFile, SurvivesVariablesOfNonsense) {
  const TemporaryFolder folder;
  std::mt19937 random(12);
  const Bytes sound = mat_variable("X", MatClass::kUint8, {3, 4, 2}, counting(24));
  int read = 0;
  for (std::int64_t round = 0; round < fuzz_runs(600); ++round) {
    Bytes variable = sound;
    for (int change = 0; change < 1 + round % 4; ++change)
      variable[random() % variable.size()] = static_cast<std::uint8_t>(round % 2 == 0 ? random() : 0xff);
    const fs::path path = folder.write("n.mat", mat_file({round % 3 == 0 ? variable : compressed(variable)}));
    try {
      const MatArray array = MatFile(path).read_bytes("X");
      EXPECT_LE(array.values.size(), sound.size());
      ++read;
    } catch (const core::Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(path.string()));
    }
  }
  EXPECT_GT(read, 0);
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  EXPECT_LT(usage.ru_maxrss, 1 << 20) << "KiB: something was allocated by what a header claimed";
}

}  // namespace
}  // namespace trainyard::data

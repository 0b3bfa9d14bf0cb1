#include "models/safetensors.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "core/file.h"
#include "support/fuzz.h"

namespace trainyard::models {
namespace {

namespace fs = std::filesystem;

class SafetensorsTest : public ::testing::Test {
 protected:
  SafetensorsTest() { fs::create_directories(folder_); }
  ~SafetensorsTest() override { fs::remove_all(folder_); }

  fs::path file(const std::string& name) const { return folder_ / name; }

  fs::path written(const std::string& header, const std::string& data) const {
    const std::uint64_t length = header.size();
    std::string prefix(sizeof length, '\0');
    std::memcpy(prefix.data(), &length, sizeof length);
    std::ofstream(file("written"), std::ios::binary) << prefix << header << data;
    return file("written");
  }

  void expect_refused(const fs::path& path, const std::string& why) const {
    try {
      load_safetensors(path);
      ADD_FAILURE() << "loaded";
    } catch (const core::Error& error) {
      EXPECT_THAT(error.what(), ::testing::AllOf(::testing::HasSubstr(path.string()), ::testing::HasSubstr(why)));
    }
  }

  fs::path folder_ = fs::temp_directory_path() / ("trainyard-safetensors-" + std::to_string(::getpid()));
};

TEST_F(SafetensorsTest, RoundTripsEveryType) {
  TensorMap tensors;
  for (const at::ScalarType type :
       {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt, at::kByte}) {
    tensors.emplace(c10::toString(type), at::arange(6).reshape({2, 3}).to(type));
  }
  tensors.emplace("scalar", at::ones({}));
  tensors.emplace("empty", at::empty({0, 4}));
  save_safetensors(tensors, file("a.safetensors"));
  const TensorMap loaded = load_safetensors(file("a.safetensors"));
  ASSERT_EQ(loaded.size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    EXPECT_EQ(loaded.at(name).scalar_type(), tensor.scalar_type()) << name;
    EXPECT_TRUE(at::equal(loaded.at(name), tensor)) << name;
  }
}

TEST_F(SafetensorsTest, AModelRoundTrips) {
  const auto saved = build(config::Model::kResnet18, {3, 8, 8}, 10, 1);
  save_safetensors(tensors_of(*saved), file("m.safetensors"));
  const auto model = build(config::Model::kResnet18, {3, 8, 8}, 10, 2);
  assign(*model, load_safetensors(file("m.safetensors")), file("m.safetensors"));
  for (std::size_t i = 0; i < saved->parameters().size(); ++i) {
    EXPECT_TRUE(at::equal(saved->parameters()[i].tensor, model->parameters()[i].tensor));
  }
}

TEST_F(SafetensorsTest, AForeignModelIsRefusedByTheTensorsName) {
  const auto model = build(config::Model::kResnet18, {3, 8, 8}, 10, 1);
  TensorMap tensors{{"conv1.weight", at::ones({1})}};
  EXPECT_THAT([&] { assign(*model, tensors, "f"); },
              ::testing::ThrowsMessage<core::Error>(::testing::HasSubstr("bn1.bias is missing")));
  tensors = {{"stranger", at::ones({1})}};
  EXPECT_THAT([&] { assign(*model, tensors, "f"); },
              ::testing::ThrowsMessage<core::Error>(::testing::HasSubstr("no tensor stranger")));
}

TEST_F(SafetensorsTest, HostileFilesAreRefusedByName) {
  expect_refused(file("missing"), "missing");
  std::ofstream(file("short")) << "abc";
  expect_refused(file("short"), "shorter");
  std::ofstream(file("long"), std::ios::binary) << std::string(8, '\x7f') << "{}";
  expect_refused(file("long"), "header longer");
  expect_refused(written("[1]", ""), "not a JSON object");
  expect_refused(written("{", ""), "not a JSON object");
  expect_refused(written(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "1234"), "outside the file");
  expect_refused(written(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", "12345678"), "disagree");
  expect_refused(written(R"({"a":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}})", "12345678"), "unknown dtype");
  expect_refused(written(R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})", "12345678"), "list of numbers");
  expect_refused(written(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", ""),
                 "absurd shape");
  expect_refused(written(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},
                             "b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
                         "12345678"),
                 "tensor b: the tensors claim more bytes than the file has");
}

TEST_F(SafetensorsTest, AreTakenOrRefusedInOneLineHoweverTheyAreDamaged) {
  TensorMap tensors{{"layer.weight", at::ones({2, 3})}, {"layer.bias", at::ones({3}).to(at::kHalf)}};
  save_safetensors(tensors, file("good"));
  const std::string good = core::read_file(file("good"));
  const std::string foreign = core::read_file(
      written(R"({"__metadata__":{"format":"pt"},"a":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}})", "12345678"));
  testing::fuzz({good, foreign}, [&](const std::string& content) {
    std::ofstream(file("damaged"), std::ios::binary) << content;
    try {
      std::size_t bytes = 0;
      for (const auto& [name, tensor] : load_safetensors(file("damaged")))
        bytes += tensor.nbytes();
      ASSERT_LE(bytes, content.size());
    } catch (const core::Error& error) {
      ASSERT_THAT(error.what(), ::testing::Not(::testing::HasSubstr("\n")));
      throw;
    }
  });
}

}  // namespace
}  // namespace trainyard::models

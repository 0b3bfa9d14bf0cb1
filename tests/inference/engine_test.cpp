#include "inference/engine.h"

#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <map>

#include "config/enum_names.h"
#include "inference/networks.h"
#include "support/temporary_folder.h"

namespace trainyard::inference {
namespace {

using config::EngineKind;

class EngineTest : public ::testing::Test {
 protected:
  StoredModel store(EngineKind engine, config::PrecisionKind precision = config::PrecisionKind::kFp32) {
    const auto policy = precision::Policy::make(precision, at::kCPU);
    const auto batches = [left = 4]() mutable -> std::optional<at::Tensor> {
      return left-- > 0 ? std::optional(at::randn({8, 3, 32, 32})) : std::nullopt;
    };
    auto model = test::small_resnet();
    policy.prepare(*model);
    const auto folder = folder_ / std::string(config::name_of(engine));
    std::filesystem::create_directories(folder);
    return store_model(std::move(model), precision, engine, at::randn({1, 3, 32, 32}), batches, folder);
  }

  trainyard::testing::TemporaryFolder folder_;
};

TEST_F(EngineTest, AllGiveTheModelsAnswersFromTheirFiles) {
  const at::Tensor images = at::randn({6, 3, 32, 32});
  std::map<EngineKind, std::int64_t> bytes;
  at::Tensor expected;
  at::Tensor integers;
  for (const auto& [engine, name] : config::EnumNames<EngineKind>::table) {
    const StoredModel stored = store(engine);
    EXPECT_EQ(stored.bytes, static_cast<std::int64_t>(std::filesystem::file_size(stored.file))) << name;
    bytes[engine] = stored.bytes;
    const at::Tensor logits = open_engine(stored)->answer(images);
    EXPECT_EQ(logits.scalar_type(), at::kFloat);
    if (engine == EngineKind::kEager) expected = logits;
    const bool exact = engine == EngineKind::kEager || engine == EngineKind::kTorchScript;
    EXPECT_LT(logits.sub(expected).norm().div(expected.norm()).item<double>(), exact ? 1e-4 : 0.1) << name;
  }
  EXPECT_NEAR(static_cast<double>(bytes[EngineKind::kTorchScript]), static_cast<double>(bytes[EngineKind::kEager]),
              0.02 * static_cast<double>(bytes[EngineKind::kEager]));
  EXPECT_LT(bytes[EngineKind::kInt8], 0.3 * static_cast<double>(bytes[EngineKind::kEager]));
}

TEST_F(EngineTest, IntegersInTorchScriptGiveTheSameAnswersAsOneByOne) {
  const StoredModel stored = store(EngineKind::kInt8);
  StoredModel script = stored;
  script.engine = EngineKind::kTorchScriptInt8;
  const at::Tensor images = at::randn({6, 3, 32, 32});
  const auto engine = open_engine(script);
  const at::Tensor expected = open_engine(stored)->answer(images);
  for (int turn = 0; turn < 4; ++turn)  // TorchScript optimises after it has seen a few
    EXPECT_LT(engine->answer(images).sub(expected).abs().max().item<double>(),
              1e-5 * expected.abs().max().item<double>());
}

TEST_F(EngineTest, ATextModelAnswersSequencesOfOtherLengthsThanItsExample) {
  const auto model = test::small_roberta();
  for (const auto& [engine, name] : config::EnumNames<EngineKind>::table) {
    const auto folder = folder_ / std::string(name);
    std::filesystem::create_directories(folder);
    const StoredModel stored = store_model(
        model, config::PrecisionKind::kFp32, engine, test::token_batch(1, 10),
        [] { return std::optional<at::Tensor>(); }, folder);
    EXPECT_EQ(stored.file.extension(), engine == EngineKind::kEager ? ".safetensors" : ".pt");
    const auto running = open_engine(stored);
    for (const auto& [n, length] : {std::pair{4, 24}, {2, 10}, {3, 7}}) {
      const at::Tensor tokens = test::token_batch(n, length);
      const at::Tensor truth = model->forward(tokens, models::Pass::kEvaluate);
      const bool exact = engine == EngineKind::kEager || engine == EngineKind::kTorchScript;
      EXPECT_LT(running->answer(tokens).sub(truth).norm().div(truth.norm()).item<double>(), exact ? 1e-4 : 0.1)
          << name << " " << n << " x " << length;
    }
  }
}

TEST_F(EngineTest, HalfWeightsHalveTheFile) {
  const double whole = static_cast<double>(store(EngineKind::kEager).bytes);
  EXPECT_NEAR(static_cast<double>(store(EngineKind::kEager, config::PrecisionKind::kFp16).bytes), whole / 2,
              0.02 * whole);
}

}  // namespace
}  // namespace trainyard::inference

#include "models/roberta.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "support/fuzz.h"
#include "support/temporary_folder.h"

namespace trainyard::models {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::ThrowsMessage;

constexpr RobertaHead kTwoClasses{.kind = RobertaHead::Kind::kClassifier, .classes = 2};
constexpr RobertaHead kWords{.kind = RobertaHead::Kind::kMaskedLanguage};

/// Small enough to train in a test: 3 layers of 16, 40 tokens, without dropout.
RobertaConfig small() {
  RobertaConfig config;
  config.vocab_size = 40;
  config.hidden_size = 16;
  config.num_hidden_layers = 3;
  config.num_attention_heads = 4;
  config.intermediate_size = 24;
  config.max_position_embeddings = 20;
  config.hidden_dropout_prob = config.attention_probs_dropout_prob = config.classifier_dropout = 0.0;
  config.initializer_range = 0.3;  // so that what is attended to shows in the logits
  return config;
}

RobertaConfig dropping() {
  RobertaConfig config = small();
  config.hidden_dropout_prob = config.attention_probs_dropout_prob = config.classifier_dropout = 0.3;
  return config;
}

at::Tensor ids(const std::vector<std::vector<std::int64_t>>& rows) {
  std::vector<std::int64_t> flat;
  for (const auto& row : rows)
    flat.insert(flat.end(), row.begin(), row.end());
  return at::tensor(flat, at::kLong).view({static_cast<std::int64_t>(rows.size()), -1});
}

at::Tensor floats(const json& values, at::IntArrayRef shape) {
  std::vector<float> flat;
  const std::function<void(const json&)> collect = [&](const json& value) {
    if (!value.is_array()) {
      flat.push_back(value.get<float>());
      return;
    }
    for (const json& part : value)
      collect(part);
  };
  collect(values);
  return at::tensor(flat, at::kFloat).view(shape);
}

double largest_difference(const at::Tensor& a, const at::Tensor& b) {
  return a.sub(b).abs().max().item<double>();
}

json reference(const fs::path& folder) {
  return json::parse(std::ifstream(folder / "reference_logits.json"));
}

TEST(Roberta, HasThePublishedSizes) {
  // What Hugging Face's num_parameters() says of RobertaForSequenceClassification.
  const auto count = [](config::Model model) {
    return build_roberta(roberta_preset(model), kTwoClasses, 128, 0)->parameter_count();
  };
  EXPECT_EQ(count(config::Model::kRobertaBase), 124'647'170);
  EXPECT_EQ(count(config::Model::kRobertaTiny),
            roberta_preset(config::Model::kRobertaTiny).encoder_parameters() + (128 + 1) * 128 + (128 + 1) * 2);
  // Of the large one only the sum: it takes 1.4 GB.
  EXPECT_EQ(roberta_preset(config::Model::kRobertaLarge).encoder_parameters() + (1024 + 1) * 1024 + (1024 + 1) * 2,
            355'361'794);
}

TEST(Roberta, GivesHuggingFacesLogitsOfAPaddedBatch) {
  const char* data = std::getenv("TRAINYARD_DATA");
  if (data == nullptr) GTEST_SKIP() << "skipped: no data (TRAINYARD_DATA)";
  const fs::path folder = fs::path(data) / "roberta" / "tiny-random-roberta-generated";
  const SavedRoberta saved = read_roberta(folder, {});
  const auto model = build_roberta(saved.config, kTwoClasses, saved.config.longest(), 1);
  EXPECT_THAT(assign_roberta(*model, saved.tensors, folder), IsEmpty());
  const json expected = reference(folder);
  const at::Tensor tokens = ids(expected["input_ids"].get<std::vector<std::vector<std::int64_t>>>());
  ASSERT_GT(tokens.eq(saved.config.pad_token_id).sum().item<std::int64_t>(), 0);
  const at::Tensor logits = model->forward(tokens, Pass::kEvaluate).detach();
  EXPECT_LT(largest_difference(logits, floats(expected["logits"], logits.sizes())), 1e-4);
  const Pass pass = Pass(Pass::kEvaluate).over(tokens);
  const at::Tensor hidden = model->forward(tokens, pass, {0, model->stages().size() - 1}).detach().select(1, 0);
  EXPECT_LT(largest_difference(hidden, floats(expected["last_hidden_first_token"], hidden.sizes())), 1e-4);
}

TEST(Roberta, GivesHuggingFacesMaskedLanguageLogits) {
  const char* data = std::getenv("TRAINYARD_DATA");
  if (data == nullptr) GTEST_SKIP() << "skipped: no data (TRAINYARD_DATA)";
  const fs::path folder = fs::path(data) / "roberta" / "sapiens-vh";
  const SavedRoberta saved = read_roberta(folder, {});
  const auto model = build_roberta(saved.config, kWords, saved.config.longest(), 1);
  EXPECT_THAT(assign_roberta(*model, saved.tensors, folder), IsEmpty());
  const json expected = reference(folder);
  const at::Tensor tokens = ids({expected["input_ids"].get<std::vector<std::int64_t>>()});
  const at::Tensor logits = model->forward(tokens, Pass::kEvaluate).detach();
  EXPECT_LT(largest_difference(logits, floats(expected["logits"], logits.sizes())), 1e-4);
}

TEST(Roberta, ReadsAPaddedSequenceAsItReadsItAlone) {
  const auto model = build_roberta(small(), kTwoClasses, 10, 3);
  const at::Tensor alone = model->forward(ids({{0, 7, 8, 2}}), Pass::kEvaluate);
  const at::Tensor padded = model->forward(ids({{0, 7, 8, 2, 1, 1}, {0, 7, 8, 9, 10, 2}}), Pass::kEvaluate);
  EXPECT_TRUE(at::allclose(alone[0], padded[0], 1e-5, 1e-6));
  EXPECT_FALSE(at::allclose(padded[0], padded[1], 1e-2, 1e-2));
}

TEST(Roberta, TakesStagesOneByOneToTheSameLogits) {
  const auto model = build_roberta(small(), kTwoClasses, 10, 3);
  const at::Tensor tokens = ids({{0, 7, 8, 2, 1, 1}, {0, 7, 8, 9, 10, 2}});
  const Pass pass = Pass(Pass::kEvaluate).over(tokens);
  at::Tensor activation = tokens;
  for (std::size_t stage = 0; stage < model->stages().size(); ++stage)
    activation = model->forward(activation, pass, {stage, stage + 1});
  EXPECT_TRUE(at::equal(activation, model->forward(tokens, Pass::kEvaluate)));
}

TEST(Roberta, DropsTheSameForTheSameKeyAlone) {
  const auto model = build_roberta(dropping(), kTwoClasses, 10, 3);
  const at::Tensor tokens = ids({{0, 7, 8, 2}, {0, 9, 10, 2}});
  const at::Tensor first = model->forward(tokens, {Pass::kTrain, 5});
  EXPECT_TRUE(at::equal(first, model->forward(tokens, {Pass::kTrain, 5})));
  EXPECT_TRUE(at::equal(first, model->forward(tokens, {Pass::kRecompute, 5})));
  EXPECT_FALSE(at::allclose(first, model->forward(tokens, {Pass::kTrain, 6})));
  EXPECT_FALSE(at::allclose(first, model->forward(tokens, Pass::kEvaluate)));
}

TEST(Roberta, RecomputesToTheSameGradients) {
  const at::Tensor tokens = ids({{0, 7, 8, 2, 1, 1}, {0, 7, 8, 9, 10, 2}});
  const auto gradients = [&](config::Checkpointing segments) {
    const auto model = build_roberta(dropping(), kTwoClasses, 10, 3);
    model->recompute(segments);
    torch::autograd::backward({model->forward(tokens, {Pass::kTrain, 5}).sum()}, {});
    std::vector<at::Tensor> all;
    for (const Parameter& parameter : model->parameters())
      all.push_back(parameter.tensor.grad());
    return all;
  };
  const auto plain = gradients(config::Checkpointing::kNone);
  for (const config::Checkpointing segments : {config::Checkpointing::kBlock, config::Checkpointing::kStage}) {
    const auto again = gradients(segments);
    for (std::size_t i = 0; i < plain.size(); ++i)
      EXPECT_TRUE(at::equal(plain[i], again[i])) << "parameter " << i;
  }
}

TEST(Roberta, TrainsNoPadding) {
  const auto model = build_roberta(small(), kTwoClasses, 10, 3);
  torch::autograd::backward({model->forward(ids({{0, 7, 2, 1}, {0, 7, 8, 2}}), Pass::kTrain).sum()}, {});
  const at::Tensor gradient = model->parameters().front().tensor.grad();
  EXPECT_EQ(gradient[1].abs().sum().item<double>(), 0.0);
  EXPECT_GT(gradient[7].abs().sum().item<double>(), 0.0);
}

TEST(Roberta, PutsAPretrainedEncoderUnderANewClassifier) {
  const auto words = build_roberta(small(), kWords, 10, 3);
  const auto model = build_roberta(small(), kTwoClasses, 10, 4);
  EXPECT_THAT(assign_roberta(*model, tensors_of(*words), "here"),
              ::testing::UnorderedElementsAre("classifier.dense.weight", "classifier.dense.bias",
                                              "classifier.out_proj.weight", "classifier.out_proj.bias"));
  EXPECT_TRUE(at::equal(model->parameters()[5].tensor, words->parameters()[5].tensor));
}

TEST(Roberta, RefusesHalfAnEncoder) {
  const auto model = build_roberta(small(), kTwoClasses, 10, 4);
  TensorMap tensors = tensors_of(*build_roberta(small(), kTwoClasses, 10, 3));
  tensors.erase("roberta.encoder.layer.1.output.dense.bias");
  EXPECT_THAT([&] { assign_roberta(*model, tensors, "here"); },
              ThrowsMessage<core::Error>("here: tensor roberta.encoder.layer.1.output.dense.bias is missing"));
  TensorMap deeper = tensors_of(*build_roberta(small(), kTwoClasses, 10, 3));
  deeper.emplace("roberta.encoder.layer.3.output.dense.bias", at::Tensor());
  EXPECT_THAT([&] { assign_roberta(*model, deeper, "here"); },
              ThrowsMessage<core::Error>(HasSubstr("no tensor roberta.encoder.layer.3")));
  EXPECT_THROW(assign_roberta(*model, {}, "here"), core::Error);
}

class RobertaFiles : public ::testing::Test {
 protected:
  json good() const {
    return json::parse(R"({"model_type": "roberta", "vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 3,
      "num_attention_heads": 4, "intermediate_size": 24, "max_position_embeddings": 20, "type_vocab_size": 1,
      "pad_token_id": 1, "hidden_act": "gelu", "hidden_dropout_prob": 0.2, "classifier_dropout": null})");
  }
  RobertaConfig read(const json& values) const {
    std::ofstream(folder_.path() / "config.json") << values.dump();
    return read_roberta_config(folder_.path() / "config.json");
  }
  void expect_refused(const char* key, const json& value, const char* why) const {
    json values = good();
    if (value.is_discarded()) {
      values.erase(key);
    } else {
      values[key] = value;
    }
    EXPECT_THAT([&] { read(values); }, ThrowsMessage<core::Error>(AllOf(HasSubstr("config.json"), HasSubstr(why))))
        << key << " = " << value.dump();
  }
  testing::TemporaryFolder folder_;
};

TEST_F(RobertaFiles, AreReadWithHuggingFacesDefaults) {
  const RobertaConfig config = read(good());
  EXPECT_EQ(config.hidden_size, 16);
  EXPECT_EQ(config.longest(), 18);
  EXPECT_EQ(config.hidden_dropout_prob, 0.2);
  EXPECT_EQ(config.classifier_dropout, 0.2);
  EXPECT_EQ(config.attention_probs_dropout_prob, 0.1);
}

TEST_F(RobertaFiles, AreRefusedWhereTheirSizesAreAbsurd) {
  const json missing(json::value_t::discarded);
  expect_refused("vocab_size", missing, "vocab_size is missing");
  expect_refused("vocab_size", 0, "vocab_size");
  expect_refused("hidden_size", -16, "hidden_size");
  expect_refused("hidden_size", 1e300, "hidden_size");
  expect_refused("hidden_size", "16", "hidden_size");
  expect_refused("num_hidden_layers", 9'000'000'000'000'000'000, "num_hidden_layers");
  expect_refused("num_attention_heads", 3, "does not divide");
  expect_refused("pad_token_id", 40, "pad_token_id");
  expect_refused("pad_token_id", 19, "pad_token_id");
  expect_refused("hidden_dropout_prob", 1.5, "hidden_dropout_prob");
}

TEST_F(RobertaFiles, AreRefusedWhereTheyMeanAnotherNetwork) {
  expect_refused("model_type", "bert", "model_type");
  expect_refused("hidden_act", "relu", "hidden_act");
  expect_refused("position_embedding_type", "relative_key", "position_embedding_type");
  expect_refused("is_decoder", true, "is_decoder");
  for (const char* text : {"", "[]", "{", "null"}) {
    std::ofstream(folder_.path() / "config.json") << text;
    EXPECT_THAT([&] { read_roberta_config(folder_.path() / "config.json"); },
                ThrowsMessage<core::Error>(HasSubstr("is not a JSON object")));
  }
}

TEST_F(RobertaFiles, AreRefusedWhereTheyClaimMoreThanTheTensorsHold) {
  save_safetensors(tensors_of(*build_roberta(small(), kTwoClasses, 10, 3)), folder_.path() / "model.safetensors");
  read(good());
  EXPECT_EQ(read_roberta(folder_.path(), small()).config.hidden_size, 16);
  json values = good();
  values["vocab_size"] = 4'000'000;
  read(values);
  EXPECT_THAT([&] { read_roberta(folder_.path(), small()); },
              ThrowsMessage<core::Error>(HasSubstr("claims a model of 64")));
}

TEST_F(RobertaFiles, AreOneModelNamedAsFolderOrAsFile) {
  read(good());
  TensorMap tensors = tensors_of(*build_roberta(small(), kWords, 10, 3));
  tensors.emplace("roberta.pooler.dense.weight", at::ones({16, 16}));  // as older files of Hugging Face's have it
  save_safetensors(tensors, folder_.path() / "model.safetensors");
  config::RunConfig config;
  config.model = config::Model::kRobertaTiny;
  for (const fs::path& weights : {folder_.path(), folder_.path() / "model.safetensors"}) {
    config.weights = weights.string();
    const auto model = build(config, TokenShape{.length = 18, .vocabulary = 40, .padding = 1}, 2);
    const TensorMap own = tensors_of(*model);
    for (const auto& [name, tensor] : tensors) {
      if (!name.starts_with("roberta.encoder.")) continue;
      EXPECT_TRUE(at::equal(own.at(name), tensor)) << weights << " " << name;
    }
  }
  config.weights = (folder_.path() / "none.safetensors").string();
  EXPECT_THROW(build(config, TokenShape{.length = 18, .vocabulary = 40, .padding = 1}, 2), core::UsageError);
}

TEST_F(RobertaFiles, AreTakenOrRefusedHoweverTheyAreDamaged) {
  testing::fuzz({good().dump(), good().dump(2)}, [&](const std::string& text) {
    std::ofstream(folder_.path() / "config.json", std::ios::binary) << text;
    const RobertaConfig config = read_roberta_config(folder_.path() / "config.json");
    ASSERT_GT(config.encoder_parameters(), 0);
  });
}

}  // namespace
}  // namespace trainyard::models

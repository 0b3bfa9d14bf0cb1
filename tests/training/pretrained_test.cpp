#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "data/datasets.h"
#include "data/loader.h"
#include "models/model.h"
#include "models/weights.h"
#include "parallel/single.h"

namespace trainyard::training {
namespace {

// The accuracy that the weights' publisher's model has on these 1,017 images: 932 of them.
TEST(PretrainedTest, ResNet20ClassifiesAsManyCifarImagesAsItsPublishersModel) {
  const char* folder = std::getenv("TRAINYARD_DATA");
  if (folder == nullptr) GTEST_SKIP() << "no data: set TRAINYARD_DATA to the folder of the real data sets";
  const std::filesystem::path weights = std::filesystem::path(folder) / "resnet_cifar10" / "resnet20.safetensors";
  if (!std::filesystem::exists(weights)) GTEST_SKIP() << "no data: there is no " << weights.string();
  config::RunConfig config;
  config.model = config::Model::kResnet20;
  config.data = config::Data::kCifar10;
  config.normalisation = config::NormalisationKind::kImagenet;
  const data::Datasets data = data::open(config);
  auto model = models::build(config.model, {}, 10, 0);
  models::load_weights(*model, weights);
  parallel::Single strategy(config, std::move(model), at::kCPU);
  data::Loader loader(data.validation,
                      data::Sampler::validation({.samples = data.validation->size(), .batch_size = 128}),
                      {.normalisation = data::normalisation_instead(config)});
  loader.start_epoch(0);
  std::int64_t correct = 0;
  while (const auto batch = loader.next())
    correct += strategy.evaluate(*batch).correct;
  EXPECT_EQ(data.validation->size(), 1017);
  EXPECT_NEAR(static_cast<double>(correct), 932.0, 1.0) << "one image may fall on the other side on another CPU";
}

}  // namespace
}  // namespace trainyard::training

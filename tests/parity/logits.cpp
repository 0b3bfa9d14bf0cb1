/// Evaluates a model, for comparison with torchvision (model_test.py).
///   logits FOLDER MODEL   reads FOLDER/weights.safetensors and FOLDER/images.safetensors (`images` float32 [N, C, H,
///   W]), writes FOLDER/logits.safetensors: `logits` float32 [N, 10].

#include <c10/core/GradMode.h>

#include <filesystem>
#include <string>
#include <vector>

#include "config/enum_names.h"
#include "core/error.h"
#include "core/main.h"
#include "models/safetensors.h"

namespace {

using namespace trainyard;  // NOLINT: a test program

int evaluate(const std::vector<std::string>& arguments) {
  if (arguments.size() != 2) throw core::UsageError("usage: logits FOLDER MODEL");
  const std::filesystem::path folder = arguments[0];
  const at::Tensor images = models::load_safetensors(folder / "images.safetensors").at("images");
  const auto model = models::build(config::from_name<config::Model>(arguments[1]).value(),
                                   {images.size(1), images.size(2), images.size(3)}, 10, /*seed=*/0);
  models::assign(*model, models::load_safetensors(folder / "weights.safetensors"), folder / "weights.safetensors");
  const c10::NoGradGuard no_grad;
  models::save_safetensors({{"logits", model->forward(images, models::Pass::kEvaluate)}},
                           folder / "logits.safetensors");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return trainyard::core::run_main(argc, argv, "logits", evaluate);
}

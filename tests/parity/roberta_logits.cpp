/// Evaluates a RoBERTa, for comparison with Hugging Face (roberta_test.py).
///   roberta_logits FOLDER classifier|masked-language   reads config.json and model.safetensors in FOLDER, as
///   save_pretrained() writes them, and tokens.safetensors (`tokens` int64 [N, L]), writes FOLDER/logits.safetensors:
///   `logits` float32 [N, 2] or [N, L, vocab_size].

#include <c10/core/GradMode.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/main.h"
#include "models/roberta.h"

namespace {

using namespace trainyard;  // NOLINT: a test program

int evaluate(const std::vector<std::string>& arguments) {
  if (arguments.size() != 2) throw core::UsageError("usage: roberta_logits FOLDER classifier|masked-language");
  const std::filesystem::path folder = arguments[0];
  models::RobertaHead head;
  if (arguments[1] == "masked-language") head.kind = models::RobertaHead::Kind::kMaskedLanguage;
  const at::Tensor tokens = models::load_safetensors(folder / "tokens.safetensors").at("tokens");
  const models::SavedRoberta saved = models::read_roberta(folder, {});
  const auto model = models::build_roberta(saved.config, head, tokens.size(1), /*seed=*/0);
  if (!models::assign_roberta(*model, saved.tensors, folder).empty()) throw core::Error("the file lacks a head");
  const c10::NoGradGuard no_grad;
  models::save_safetensors({{"logits", model->forward(tokens, models::Pass::kEvaluate)}},
                           folder / "logits.safetensors");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return trainyard::core::run_main(argc, argv, "roberta_logits", evaluate);
}

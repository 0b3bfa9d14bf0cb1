#include <gtest/gtest.h>

#include <string>

#include "config/study.h"
#include "support/fuzz.h"

namespace trainyard {
namespace {

using testing::fuzz;

TEST(StudyFuzz, DamagedFilesAreExpandedOrRefused) {
  fuzz({"model = resnet18 resnet34\nlr = 0.1 1e-3\nweights = a {model}\n[slurm]\nnodes = 1 2\n[study]\n"
        "skip = nodes:2 lr:0.1\nset = model:resnet34 -> lr:0.2 weights:{seed}\nname = {model}x{lr}{nodes}\n",
        "[inference]\nengine = eager int8\n[study]\narray = true\nthrottle = 3\n"},
       [](const std::string& text) { config::expand_study(config::read_config_text(text, "a.cfg", "a")); });
}

}  // namespace
}  // namespace trainyard

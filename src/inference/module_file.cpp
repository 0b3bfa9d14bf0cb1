#include "inference/module_file.h"

#include <caffe2/serialize/inline_container.h>
#include <fmt/format.h>
#include <torch/csrc/jit/passes/constant_propagation.h>
#include <torch/csrc/jit/serialization/import.h>

#include <exception>
#include <memory>
#include <sstream>
#include <string>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace trainyard::inference {
namespace {

constexpr std::uint64_t kMaxFile = 64ULL << 30;

[[noreturn]] void refuse(const std::filesystem::path& file, std::string_view what) {
  constexpr std::size_t kMostSaid = 200;  // of a message that goes on with a stack
  const std::string said = core::one_line(what.substr(0, what.find('\n')));
  throw core::Error(
      fmt::format("{}: not a usable TorchScript file: {}", file.string(), core::truncate_utf8(said, kMostSaid)));
}

/// The archive stores its records as they are, so their claimed sizes together fit the file; LibTorch allocates what
/// they claim.
void check_sizes(std::istream& content, std::uint64_t bytes, const std::filesystem::path& file) {
  caffe2::serialize::PyTorchStreamReader reader(&content);
  std::uint64_t claimed = 0;
  for (const std::string& record : reader.getAllRecords()) {
    const std::uint64_t size = reader.getRecordSize(record);
    if (size > bytes - claimed) refuse(file, fmt::format("record {} claims more bytes than the file has", record));
    claimed += size;
  }
}

}  // namespace

void save_module(const torch::jit::Module& module, const std::filesystem::path& file) {
  std::ostringstream content;
  try {
    module.save(content);
  } catch (const std::exception& error) {
    throw core::Error(fmt::format("{}: cannot be written: {}", file.string(), core::one_line(error.what())));
  }
  core::write_file_atomically(file, content.str());
}

torch::jit::Module load_module(const std::filesystem::path& file, at::Device device) {
  const std::string bytes = core::read_file(file, kMaxFile);
  try {
    std::istringstream content(bytes);
    check_sizes(content, bytes.size(), file);
    content.clear();
    content.seekg(0);
    torch::jit::Module module = torch::jit::load(content, device);
    // A file has a list of numbers as the operation that makes it; what rewrites graphs, LibTorch's passes for
    // inference among them, passes by a convolution whose padding is not a constant.
    std::shared_ptr<torch::jit::Graph> graph = module.get_method("forward").graph();
    torch::jit::ConstantPropagation(graph);
    return module;
  } catch (const core::Error&) {
    throw;
  } catch (const std::exception& error) {
    refuse(file, error.what());
  }
}

}  // namespace trainyard::inference

#include "models/safetensors.h"

#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/file.h"
#include "core/text.h"

namespace trainyard::models {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

constexpr std::size_t kLengthBytes = 8;
/// Bytes. The format's own limit on a header.
constexpr std::uint64_t kMaxHeader = 100'000'000;
constexpr std::uint64_t kMaxFile = 64ULL << 30;

constexpr std::array<std::pair<at::ScalarType, std::string_view>, 10> kTypes{{{at::kDouble, "F64"},
                                                                              {at::kFloat, "F32"},
                                                                              {at::kHalf, "F16"},
                                                                              {at::kBFloat16, "BF16"},
                                                                              {at::kLong, "I64"},
                                                                              {at::kInt, "I32"},
                                                                              {at::kShort, "I16"},
                                                                              {at::kChar, "I8"},
                                                                              {at::kByte, "U8"},
                                                                              {at::kBool, "BOOL"}}};

std::string_view type_name(at::ScalarType type, const std::string& tensor) {
  for (const auto& [candidate, name] : kTypes) {
    if (candidate == type) return name;
  }
  throw core::Error(fmt::format("tensor {}: safetensors has no name for its type", tensor));
}

class Parser {
 public:
  Parser(std::string_view content, const std::filesystem::path& file) : content_(content), file_(file) {}

  TensorMap parse() {
    std::uint64_t length = 0;
    if (content_.size() < kLengthBytes) fail("shorter than its header's length");
    std::memcpy(&length, content_.data(), kLengthBytes);
    if (length > kMaxHeader || length > content_.size() - kLengthBytes) fail("header longer than the file");
    const json header = json::parse(content_.substr(kLengthBytes, length), nullptr, /*allow_exceptions=*/false);
    if (!header.is_object()) fail("its header is not a JSON object");
    data_ = content_.substr(kLengthBytes + length);
    TensorMap tensors;
    for (const auto& [name, entry] : header.items()) {
      if (name != "__metadata__") tensors.emplace(name, tensor(name, entry));
    }
    return tensors;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw core::Error(fmt::format("{}: not a usable safetensors file: {}", file_.string(), what));
  }

  [[noreturn]] void fail_at(const std::string& name, std::string_view what) const {
    constexpr std::size_t kMostOfAName = 200;
    fail(fmt::format("tensor {}: {}", core::truncate_utf8(core::one_line(name), kMostOfAName), what));
  }

  at::Tensor tensor(const std::string& name, const json& entry) {
    const auto bad = [&](std::string_view what) { fail_at(name, what); };
    if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") || !entry.contains("data_offsets")) {
      bad("dtype, shape or data_offsets missing");
    }
    const std::string dtype = entry["dtype"].is_string() ? entry["dtype"].get<std::string>() : "";
    const auto* const type =
        std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& candidate) { return candidate.second == dtype; });
    if (type == kTypes.end()) bad("unknown dtype");
    const std::vector<std::uint64_t> shape = numbers(entry["shape"], name);
    const std::vector<std::uint64_t> offsets = numbers(entry["data_offsets"], name);
    if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data_.size())
      bad("data_offsets outside the file");
    std::uint64_t bytes = c10::elementSize(type->first);
    std::vector<std::int64_t> sizes;
    for (const std::uint64_t extent : shape) {
      if (__builtin_mul_overflow(bytes, extent, &bytes) || extent > std::numeric_limits<std::int32_t>::max()) {
        bad("absurd shape");
      }
      sizes.push_back(static_cast<std::int64_t>(extent));
    }
    if (bytes != offsets[1] - offsets[0]) bad("shape and data_offsets disagree");
    // Tensors do not overlap, or a small file could claim its bytes many times over.
    if (bytes > data_.size() - claimed_) bad("the tensors claim more bytes than the file has");
    claimed_ += bytes;
    const at::Tensor result = at::empty(sizes, type->first);
    if (bytes > 0) std::memcpy(result.mutable_data_ptr(), data_.data() + offsets[0], bytes);
    return result;
  }

  std::vector<std::uint64_t> numbers(const json& list, const std::string& name) const {
    std::vector<std::uint64_t> values;
    if (!list.is_array()) fail_at(name, "a list of numbers expected");
    for (const json& value : list) {
      if (!value.is_number_unsigned()) fail_at(name, "a list of numbers expected");
      values.push_back(value.get<std::uint64_t>());
    }
    return values;
  }

  std::string_view content_;
  std::string_view data_;
  std::uint64_t claimed_ = 0;  ///< bytes of data_ that tensors have taken
  const std::filesystem::path& file_;
};

}  // namespace

TensorMap tensors_of(const Model& model) {
  TensorMap tensors;
  for (const Parameter& parameter : model.parameters())
    tensors.emplace(parameter.name, parameter.tensor);
  for (const NamedTensor& buffer : model.buffers())
    tensors.emplace(buffer.name, buffer.tensor);
  return tensors;
}

void save_safetensors(const TensorMap& tensors, const std::filesystem::path& file) {
  json header = json::object();
  std::vector<at::Tensor> held;
  std::vector<std::string_view> parts(2);
  std::size_t end = 0;
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor& values = held.emplace_back(tensor.detach().to(at::kCPU).contiguous());
    parts.emplace_back(static_cast<const char*>(values.const_data_ptr()), values.nbytes());
    const std::size_t begin = end;
    end += values.nbytes();
    header[name] = {{"dtype", type_name(values.scalar_type(), name)},
                    {"shape", values.sizes().vec()},
                    {"data_offsets", {begin, end}}};
  }
  std::string content = header.dump();
  content.append((kLengthBytes - content.size() % kLengthBytes) % kLengthBytes, ' ');  // tensors stay aligned
  const std::uint64_t length = content.size();
  std::string prefix(kLengthBytes, '\0');
  std::memcpy(prefix.data(), &length, kLengthBytes);
  parts[0] = prefix;
  parts[1] = content;
  core::write_file_atomically(file, parts);
}

TensorMap load_safetensors(const std::filesystem::path& file) {
  const std::string content = core::read_file(file, kMaxFile);
  return Parser(content, file).parse();
}

void assign(Model& model, const TensorMap& tensors, const std::filesystem::path& origin) {
  const c10::NoGradGuard no_grad;
  const TensorMap own = tensors_of(model);
  for (const auto& [name, tensor] : tensors) {
    if (!own.contains(name)) throw core::Error(fmt::format("{}: the model has no tensor {}", origin.string(), name));
  }
  for (const auto& [name, target] : own) {
    const auto found = tensors.find(name);
    if (found == tensors.end()) throw core::Error(fmt::format("{}: tensor {} is missing", origin.string(), name));
    if (found->second.sizes() != target.sizes()) {
      throw core::Error(fmt::format("{}: tensor {} has another shape than the model's", origin.string(), name));
    }
    at::Tensor destination = target;
    destination.copy_(found->second);
  }
}

}  // namespace trainyard::models

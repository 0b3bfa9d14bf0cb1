#pragma once

#include <torch/csrc/jit/api/module.h>

#include <filesystem>

namespace trainyard::inference {

/// Writes a TorchScript module; the file is replaced as a whole or not at all.
/// @throws core::Error naming the file.
void save_module(const torch::jit::Module& module, const std::filesystem::path& file);

/// With its tensors on the device and its numbers as constants again. @throws core::Error naming the file where it is
/// missing, torn, no TorchScript module, or claims more than it holds.
torch::jit::Module load_module(const std::filesystem::path& file, at::Device device);

}  // namespace trainyard::inference

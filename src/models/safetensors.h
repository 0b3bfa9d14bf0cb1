#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>

#include "models/model.h"

namespace trainyard::models {

/// Tensors by name, as the safetensors format holds them: 8 bytes little-endian header length, a JSON header of dtype,
/// shape and data_offsets by name, then the bytes (https://github.com/huggingface/safetensors, format section).
using TensorMap = std::map<std::string, at::Tensor>;

/// A model's parameters and buffers; no copies.
TensorMap tensors_of(const Model& model);

/// Writes them contiguous, in their own types; the file is replaced as a whole or not at all.
void save_safetensors(const TensorMap& tensors, const std::filesystem::path& file);

/// CPU tensors of F64, F32, F16, BF16, I64, I32, I16, I8, U8 or BOOL.
/// @throws core::Error naming the file, and the tensor, where the file is missing, torn or lies about its sizes.
TensorMap load_safetensors(const std::filesystem::path& file);

/// Copies values into a model of the same names and shapes, converting types.
/// @throws core::Error naming the first parameter or buffer that is missing, unknown or of another shape.
void assign(Model& model, const TensorMap& tensors, const std::filesystem::path& origin);

}  // namespace trainyard::models

#pragma once

#include <ATen/core/ivalue.h>
#include <ATen/core/stack.h>

namespace trainyard::inference {

/// The one result of an operation that LibTorch has by name alone, not as a function.
c10::IValue call_operation(const char* name, torch::jit::Stack arguments);

}  // namespace trainyard::inference

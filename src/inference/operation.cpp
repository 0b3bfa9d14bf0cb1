#include "inference/operation.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include <utility>

namespace trainyard::inference {

c10::IValue call_operation(const char* name, torch::jit::Stack arguments) {
  c10::Dispatcher::singleton().findSchemaOrThrow(name, "").callBoxed(arguments);
  return std::move(arguments.front());
}

}  // namespace trainyard::inference

#include "parallel/transient_storage.h"

#include <c10/core/Allocator.h>

namespace trainyard::parallel {

bool has_memory(const at::Tensor& flat) {
  return flat.storage().data() != nullptr;
}

void give_memory(const at::Tensor& flat) {
  if (has_memory(flat)) return;
  c10::Storage storage = flat.storage();
  storage.set_data_ptr_noswap(c10::GetAllocator(flat.device().type())->allocate(storage.nbytes()));
}

void take_memory(const at::Tensor& flat) {
  c10::Storage storage = flat.storage();
  storage.set_data_ptr_noswap(c10::DataPtr(nullptr, flat.device()));
}

}  // namespace trainyard::parallel

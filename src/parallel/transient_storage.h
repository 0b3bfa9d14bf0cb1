#pragma once

#include <ATen/core/Tensor.h>

namespace trainyard::parallel {

/// Memory of a flat tensor that comes and goes while its views stay: they share its storage, and so see the memory that
/// is there. On CUDA memory is given and taken in the order of the current stream, as the caching allocator does.

/// Whether the tensor has its memory.
bool has_memory(const at::Tensor& flat);
/// Gives the tensor memory, of undefined content. Nothing where it has some.
void give_memory(const at::Tensor& flat);
/// Takes it away: reading or writing the tensor or a view of it is then an error.
void take_memory(const at::Tensor& flat);

}  // namespace trainyard::parallel

#include "data/digits_file.h"

// The assembler copies the file in. Its folder is on the assembler's search path (CMakeLists.txt).
asm(R"(
  .pushsection .rodata
  .globl trainyard_digits_begin
  .globl trainyard_digits_end
  .balign 16
trainyard_digits_begin:
  .incbin "digits.csv.gz"
trainyard_digits_end:
  .byte 0
  .popsection
)");

extern "C" {
extern const std::uint8_t trainyard_digits_begin[];
extern const std::uint8_t trainyard_digits_end[];
}

namespace trainyard::data {

std::span<const std::uint8_t> digits_file() {
  return {trainyard_digits_begin, trainyard_digits_end};
}

}  // namespace trainyard::data

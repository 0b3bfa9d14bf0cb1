#pragma once

#include <string>
#include <string_view>

namespace trainyard::batch {

/// Both texts as one unified diff with all lines as context, under `--- old_name` and `+++ new_name`; empty when the
/// texts are equal. Meant for sbatch files, which are short: time and memory grow with the product of their lines.
std::string line_diff(std::string_view old_text, std::string_view new_text, std::string_view old_name,
                      std::string_view new_name);

}  // namespace trainyard::batch

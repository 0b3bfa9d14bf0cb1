#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace trainyard::core {

/// The body of every tool's main. Runs `body` with the arguments after the program's name and returns its result as the
/// exit status; core::UsageError becomes 2, every other exception 1, each with one line "name: message" on stderr.
int run_main(int argc, char** argv, std::string_view name,
             const std::function<int(const std::vector<std::string>& arguments)>& body);

}  // namespace trainyard::core

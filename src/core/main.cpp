#include "core/main.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <new>

#include "core/descriptor.h"
#include "core/error.h"
#include "core/text.h"

namespace trainyard::core {

namespace {

void complain(std::string_view name, std::string_view message) {
  const std::string line = one_line(message);
  // A closed stderr must not turn the report of a failure into another failure, so the result is of no use.
  static_cast<void>(std::fputs(fmt::format("{}: {}\n", name, line.empty() ? "failed" : line).c_str(), stderr));
}

}  // namespace

int run_main(int argc, char** argv, std::string_view name,
             const std::function<int(const std::vector<std::string>& arguments)>& body) {
  try {
    const int status = body(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
    // Output that could not be written (full disk, closed pipe) is a failure that exit would hide.
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
      complain(name, "cannot write standard output: " + system_error_text(errno));
      return status == 0 ? 1 : status;
    }
    return status;
  } catch (const UsageError& error) {
    complain(name, error.what());
    return 2;
  } catch (const std::bad_alloc&) {
    complain(name, "out of memory");
    return 1;
  } catch (const std::exception& error) {
    complain(name, error.what());
    return 1;
  }
}

}  // namespace trainyard::core

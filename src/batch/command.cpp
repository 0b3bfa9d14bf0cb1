#include "batch/command.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include "batch/script_parts.h"
#include "core/error.h"

namespace trainyard::batch {
namespace {

struct PipeCloser {
  void operator()(std::FILE* pipe) const { static_cast<void>(pclose(pipe)); }
};

}  // namespace

CommandOutput read_command(const std::vector<std::string>& words) {
  constexpr std::size_t kMostBytes = 65536;
  const std::string command = fmt::format("exec{} 2>&1 </dev/null", bash_words(words));
  std::unique_ptr<std::FILE, PipeCloser> pipe(popen(command.c_str(), "r"));
  if (!pipe) {
    throw core::Error(fmt::format("cannot start {}: {}", words.front(), std::generic_category().message(errno)));
  }
  CommandOutput output;
  std::array<char, 4096> buffer{};
  std::size_t count = 0;
  while ((count = std::fread(buffer.data(), 1, buffer.size(), pipe.get())) > 0) {
    if (output.text.size() < kMostBytes)
      output.text.append(buffer.data(), count);  // the rest is read so that it can end
  }
  const int status = pclose(pipe.release());
  output.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return output;
}

}  // namespace trainyard::batch

#include "batch/surroundings.h"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "batch/command.h"
#include "core/error.h"
#include "core/terminal.h"
#include "core/text.h"

namespace trainyard::batch {
namespace {

[[noreturn]] void fail(std::string_view what, int error) {
  throw core::Error(fmt::format("{}: {}", what, std::generic_category().message(error)));
}

struct CpuSetDeleter {
  void operator()(cpu_set_t* set) const { CPU_FREE(set); }
};

/// The CPUs this process may run on.
std::vector<int> allowed_cpus() {
  constexpr int kMaxCpus = 8192;  // the kernel's own limit
  const std::unique_ptr<cpu_set_t, CpuSetDeleter> set(CPU_ALLOC(kMaxCpus));
  if (!set) throw std::bad_alloc();
  const std::size_t size = CPU_ALLOC_SIZE(kMaxCpus);
  CPU_ZERO_S(size, set.get());
  if (sched_getaffinity(0, size, set.get()) != 0) fail("cannot read which CPUs may be used", errno);
  std::vector<int> cpus;
  for (int cpu = 0; cpu < kMaxCpus; ++cpu) {
    if (CPU_ISSET_S(static_cast<std::size_t>(cpu), size, set.get())) cpus.push_back(cpu);
  }
  return cpus;
}

/// Physical cores behind these CPUs: the hardware threads of one core name the same siblings.
int count_cores(const std::vector<int>& cpus) {
  std::set<std::string> cores;
  for (const int cpu : cpus) {
    std::ifstream file(fmt::format("/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", cpu));
    std::string siblings;
    std::getline(file, siblings);
    cores.insert(siblings.empty() ? fmt::format("cpu {}", cpu) : siblings);
  }
  return std::max<int>(1, static_cast<int>(cores.size()));
}

std::map<std::string, std::string> current_environment() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) {
      variables.emplace(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)));
    }
  }
  return variables;
}

/// What `srun --mpi=list` prints, on standard output or error. That srun fails does not say that it has no PMIx.
std::string srun_mpi_list() {
  CommandOutput output = read_command({"srun", "--mpi=list"});
  if (output.status != 0) {
    const std::string text = core::one_line(output.text);
    throw core::Error(
        fmt::format("srun --mpi=list failed ({}): mend Slurm's configuration here, or start by --launcher mpirun",
                    text.empty() ? fmt::format("exit status {}", output.status) : text));
  }
  return std::move(output.text);
}

std::string path_variable() {
  const char* path = std::getenv("PATH");
  return path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
}

bool may_execute(const std::string& file) {
  std::error_code error;
  return std::filesystem::is_regular_file(file, error) && access(file.c_str(), X_OK) == 0;
}

}  // namespace

std::optional<std::string> find_program(const std::string& program, const std::string& path) {
  if (program.find('/') != std::string::npos) return may_execute(program) ? std::optional(program) : std::nullopt;
  for (const std::string_view folder : core::split(path, ':')) {
    std::string candidate = fmt::format("{}/{}", folder.empty() ? "." : folder, program);
    if (may_execute(candidate)) return candidate;
  }
  return std::nullopt;
}

Surroundings current_surroundings() {
  Surroundings surroundings;
  surroundings.environment = current_environment();
  const std::vector<int> cpus = allowed_cpus();
  surroundings.cores = count_cores(cpus);
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  surroundings.has_every_core = online > 0 && cpus.size() >= static_cast<std::size_t>(online);
  surroundings.is_root = geteuid() == 0;
  if (core::is_terminal(core::Stream::kErr)) surroundings.terminal_columns = core::terminal_width(core::Stream::kErr);
  surroundings.has_srun = find_program("srun", path_variable()).has_value();
  surroundings.has_mpirun = find_program("mpirun", path_variable()).has_value();
  surroundings.srun_mpi_list = srun_mpi_list;
  return surroundings;
}

void execute(const LaunchPlan& plan) {
  for (const auto& [name, value] : plan.environment) {
    if (setenv(name.c_str(), value.c_str(), 1) != 0) fail("cannot set " + name, errno);
  }
  std::vector<std::string> arguments = plan.arguments;
  std::vector<char*> pointers;
  for (std::string& argument : arguments)
    pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  execvp(pointers.front(), pointers.data());
  fail("cannot start " + arguments.front(), errno);
}

}  // namespace trainyard::batch

#include "doctor/judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "core/text.h"

namespace trainyard::doctor {
namespace {

constexpr std::int64_t kLittleSpace = std::int64_t{2} << 30;  // a few checkpoints of a large model
constexpr std::int64_t kFewInodes = 10'000;                   // a rank leaves some tens of files

std::optional<int> number(const Environ& environment, const std::string& variable) {
  const auto value = core::parse_int64(environment(variable).value_or(""));
  return value && *value > 0 && *value < 1'000'000 ? std::optional(static_cast<int>(*value)) : std::nullopt;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names)
    text += text.empty() ? name : ", " + name;
  return text;
}

std::string rank_name(const RankFacts& rank) {
  return fmt::format("rank {} {}", rank.rank, rank.node);
}

class Judge {
 public:
  Judge(const std::vector<RankFacts>& ranks, const std::vector<NodeFacts>& nodes, const Environ& environment)
      : ranks_(ranks), nodes_(nodes), environ_(environment) {}

  std::vector<Finding> run() {
    judge_ranks();
    judge_cores();
    judge_devices();
    judge_peers();
    for (const NodeFacts& node : nodes_)
      judge_network(node);
    for (const NodeFacts& node : nodes_)
      judge_folder(node);
    return std::move(findings_);
  }

 private:
  void say(std::string_view check, const std::string& where, Level level, const std::string& text) {
    findings_.push_back({std::string(check), where, level, text});
  }

  void judge_ranks() {
    const int size = static_cast<int>(ranks_.size());
    const bool in_job = environ_("SLURM_JOB_ID").has_value();
    const auto step = number(environ_, "SLURM_STEP_NUM_TASKS");
    const auto job = number(environ_, "SLURM_NTASKS");
    const auto promised = step ? step : job;
    if (!in_job || !promised) return say("ranks", "all", Level::kOk, fmt::format("MPI has {}", size));
    if (size == *promised) {
      return say("ranks", "all", Level::kOk, fmt::format("MPI has {}, as Slurm promised", size));
    }
    if (size == 1) {
      return say(
          "ranks", "all", Level::kError,
          fmt::format("MPI has 1 and Slurm promised {}: start by tools/launch -- ..., and see that srun --mpi=list "
                      "names the PMIx of this MPI",
                      *promised));
    }
    say("ranks", "all", Level::kWarning,
        fmt::format("MPI has {} and Slurm promised {}: CPUs that are paid for are idle", size, *promised));
  }

  void judge_cores() {
    const int promised = number(environ_, "SLURM_CPUS_PER_TASK").value_or(0);
    for (const RankFacts& rank : ranks_) {
      const int cpus = static_cast<int>(rank.cpus.size());
      std::string text = fmt::format("CPUs {}", ranges(rank.cpus));
      if (rank.omp_threads > 0) text += fmt::format(", {} threads", rank.omp_threads);
      if (cpus < promised) {
        say("cores", rank_name(rank), Level::kError,
            fmt::format("{}: {} of the {} CPUs of a rank: give srun --cpus-per-task, as tools/launch does", text, cpus,
                        promised));
      } else if (rank.omp_threads > cpus) {
        say("cores", rank_name(rank), Level::kWarning,
            fmt::format("{}: more threads than CPUs: lower OMP_NUM_THREADS, or leave it to tools/launch", text));
      } else {
        say("cores", rank_name(rank), Level::kOk, text);
      }
    }
    for (const NodeFacts& node : nodes_) {
      std::set<int> all;
      int threads = 0;
      for (const RankFacts& rank : ranks_) {
        if (rank.node != node.node) continue;
        all.insert(rank.cpus.begin(), rank.cpus.end());
        threads += std::max(rank.omp_threads, 1);
      }
      if (threads > static_cast<int>(all.size())) {
        say("cores", node.node, Level::kWarning,
            fmt::format("{} threads of all ranks share {} CPUs: start fewer ranks, or ask for more CPUs", threads,
                        all.size()));
      }
    }
  }

  void judge_devices() {
    std::map<std::string, int> rank_of;
    for (const RankFacts& rank : ranks_) {
      if (rank.uuid.empty()) {
        const bool idle = rank.visible_gpus > 0;
        say("devices", rank_name(rank), idle ? Level::kWarning : Level::kOk,
            idle ? fmt::format("{} of {} GPUs that it sees are not used: leave device = auto", rank.visible_gpus,
                               rank.visible_gpus)
                 : rank.device);
        continue;
      }
      const std::string text = fmt::format("{} {} {}", rank.device, rank.uuid, rank.gpu);
      const auto [other, is_new] = rank_of.emplace(rank.uuid, rank.rank);
      if (is_new) {
        say("devices", rank_name(rank), Level::kOk, text);
      } else {
        say("devices", rank_name(rank), Level::kError,
            fmt::format("{}: rank {} has it too, and NCCL takes one rank a GPU: start one rank a GPU", text,
                        other->second));
      }
    }
  }

  void judge_peers() {
    for (const RankFacts& rank : ranks_) {
      if (rank.uuid.empty() || rank.visible_gpus < 2) continue;
      if (rank.far.empty()) {
        say("peers", rank_name(rank), Level::kOk, fmt::format("reads all {} other GPUs", rank.visible_gpus - 1));
      } else {
        say("peers", rank_name(rank), Level::kWarning,
            fmt::format("cannot read GPU {} directly: NCCL goes through the host's memory, which is slower",
                        ranges(rank.far)));
      }
    }
  }

  void judge_network(const NodeFacts& node) {
    const std::string filter = environ_("NCCL_SOCKET_IFNAME").value_or("");
    const std::vector<std::string> used = nccl_interfaces(node.interfaces, filter);
    std::vector<std::string> shown;
    bool only_loopback = true;
    for (const std::string& name : used) {
      const auto interface = std::ranges::find(node.interfaces, name, &Interface::name);
      only_loopback = only_loopback && interface->loopback;
      shown.push_back(fmt::format("{} {}", name, interface->address));
    }
    const bool infiniband = !node.infiniband.empty() && environ_("NCCL_IB_DISABLE").value_or("0") != "1";
    const std::string text =
        fmt::format("{}sockets by {}", infiniband ? fmt::format("InfiniBand {}; ", joined(node.infiniband)) : "",
                    shown.empty() ? std::string("nothing") : joined(shown));
    if (used.empty() && !filter.empty()) {
      return say("network", node.node, Level::kError,
                 fmt::format("NCCL_SOCKET_IFNAME={} lets no interface through: unset it or name one of this node",
                             core::one_line(filter)));
    }
    if (nodes_.size() > 1 && only_loopback) {
      return say("network", node.node, Level::kWarning,
                 fmt::format("{}: no way to another node: name an interface by NCCL_SOCKET_IFNAME", text));
    }
    say("network", node.node, Level::kOk, text);
  }

  void judge_folder(const NodeFacts& node) {
    const FolderFacts& results = node.results;
    if (!results.failure.empty()) {
      return say("results", node.node, Level::kError, results.failure + ": name a folder you can write by --results");
    }
    say("results", node.node, results.locks ? Level::kOk : Level::kWarning,
        results.locks ? "HDF5 files are written, locked and read"
                      : "files cannot be locked: logs are written all the same; let no two runs share a folder");
    std::string text = core::format_bytes(static_cast<std::uint64_t>(results.free_bytes)) + " free";
    if (results.free_inodes >= 0) text += fmt::format(", {} files", results.free_inodes);
    const bool little = results.free_bytes < kLittleSpace;
    const bool few = results.free_inodes >= 0 && results.free_inodes < kFewInodes;
    say("space", node.node, little || few ? Level::kWarning : Level::kOk,
        little || few ? text + ": a run may not end well: make room or move results" : text);
  }

  const std::vector<RankFacts>& ranks_;
  const std::vector<NodeFacts>& nodes_;
  const Environ& environ_;
  std::vector<Finding> findings_;
};

/// NCCL_SOCKET_IFNAME: prefixes, all negated by a leading ^, exact with a leading =.
bool lets_through(const std::string& filter, const std::string& name) {
  std::string_view rest = filter;
  const bool negated = rest.starts_with('^');
  if (negated) rest.remove_prefix(1);
  const bool exact = rest.starts_with('=');
  if (exact) rest.remove_prefix(1);
  const auto parts = core::split(rest, ',');
  const bool named = std::ranges::any_of(
      parts, [&](std::string_view part) { return exact ? name == part : !part.empty() && name.starts_with(part); });
  return named != negated;
}

}  // namespace

std::vector<std::string> nccl_interfaces(const std::vector<Interface>& interfaces, const std::string& socket_ifname) {
  const auto those = [&](const auto& wanted) {
    std::vector<std::string> names;
    for (const Interface& interface : interfaces) {
      if (wanted(interface.name)) names.push_back(interface.name);
    }
    return names;
  };
  if (!socket_ifname.empty()) return those([&](const std::string& name) { return lets_through(socket_ifname, name); });
  const auto is_last_resort = [](const std::string& name) {
    return name.starts_with("docker") || name.starts_with("lo");
  };
  std::vector<std::string> names = those([](const std::string& name) { return name.starts_with("ib"); });
  if (names.empty()) names = those([&](const std::string& name) { return !is_last_resort(name); });
  if (names.empty()) names = those(is_last_resort);
  return names;
}

std::string ranges(const std::vector<int>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1)
      ++last;
    text += text.empty() ? "" : ",";
    text += last == i ? fmt::format("{}", numbers[i]) : fmt::format("{}-{}", numbers[i], numbers[last]);
    i = last;
  }
  return text;
}

std::vector<Finding> judge(const std::vector<RankFacts>& ranks, const std::vector<NodeFacts>& nodes,
                           const Environ& environment) {
  return Judge(ranks, nodes, environment).run();
}

}  // namespace trainyard::doctor

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "doctor/facts.h"
#include "doctor/finding.h"

namespace trainyard::doctor {

/// Looks up an environment variable; nullopt when it is not set.
using Environ = std::function<std::optional<std::string>(const std::string&)>;

/// All findings but those of the sweep, in the order of the checks: a function of its arguments alone. `environ` is
/// that of rank 0, and tells what Slurm promised and what NCCL was told.
std::vector<Finding> judge(const std::vector<RankFacts>& ranks, const std::vector<NodeFacts>& nodes,
                           const Environ& environ);

/// The interfaces that NCCL would use for sockets, in its order: those that NCCL_SOCKET_IFNAME lets through, else ib*,
/// else all but lo and docker*, else docker* and lo. Source: NCCL's user guide, "NCCL_SOCKET_IFNAME".
std::vector<std::string> nccl_interfaces(const std::vector<Interface>& interfaces, const std::string& socket_ifname);

/// "0-3,8": runs of numbers.
std::string ranges(const std::vector<int>& numbers);

}  // namespace trainyard::doctor

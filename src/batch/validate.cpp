#include "batch/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "config/parse.h"
#include "config/slurm_units.h"
#include "core/error.h"
#include "core/text.h"

namespace trainyard::batch {
namespace {

[[noreturn]] void refuse(std::string_view origin, std::string_view message) {
  throw core::UsageError(fmt::format("{}: {}", origin, message));
}

void validate_gpus(const config::RunConfig& config, std::string_view origin) {
  const config::SlurmRequest& request = *config.slurm;
  if (config.device == config::DeviceKind::kCuda && request.gpus_per_node == 0) {
    refuse(origin, "device = cuda needs GPUs: set gpus-per-node in [slurm]");
  }
  if (config.device == config::DeviceKind::kCpu && request.gpus_per_node > 0) {
    refuse(origin,
           fmt::format("device = cpu would leave {} GPUs a node idle: drop gpus-per-node", request.gpus_per_node));
  }
  if (config.devices > 1 && request.gpus_per_node > 0) {
    if (request.gpus_per_node == request.ranks_per_node * config.devices) return;
    refuse(origin, fmt::format("gpus-per-node = {} is not devices = {} for each of ranks-per-node = {}: set it to {}",
                               request.gpus_per_node, config.devices, request.ranks_per_node,
                               request.ranks_per_node * config.devices));
  }
  // Two ranks cannot share a device (NCCL refuses them), and a device without a rank is paid for and idle.
  if (request.gpus_per_node > 0 && request.gpus_per_node != request.ranks_per_node) {
    refuse(origin,
           fmt::format("ranks-per-node = {} and gpus-per-node = {}: each rank drives one GPU, so set both alike",
                       request.ranks_per_node, request.gpus_per_node));
  }
}

/// The features that an expression like h100|a100 or [rack1*2&ib] names.
std::vector<std::string> feature_names(std::string_view expression) {
  std::vector<std::string> names(1);
  for (const char c : expression) {
    if (std::string_view("|&,[]()* ").find(c) != std::string_view::npos) {
      if (!names.back().empty()) names.emplace_back();
    } else {
      names.back() += c;
    }
  }
  const auto is_no_name = [](const std::string& name) {
    return name.empty() || name.find_first_not_of("0123456789") == std::string::npos;
  };
  std::erase_if(names, is_no_name);
  return names;
}

void validate_features(const SiteProfile& site, const std::string& constraint, std::string_view origin) {
  if (site.constraints.empty()) return;
  for (const std::string& name : feature_names(constraint)) {
    if (std::ranges::find(site.constraints, name) != site.constraints.end()) continue;
    const auto near = core::nearest(name, std::span<const std::string>(site.constraints));
    refuse(origin, fmt::format("constraint = {}: site {} has no {}{}; it has {}", constraint, site.name, name,
                               near ? fmt::format(" (did you mean {}?)", *near) : std::string(),
                               fmt::join(site.constraints, ", ")));
  }
}

/// Some node of the kinds asked for must hold the job's share.
void validate_node_kinds(const config::SlurmRequest& request, const SiteProfile& site, std::string_view origin) {
  const std::vector<std::string> asked = feature_names(request.constraint);
  const int cpus = request.ranks_per_node * request.cpus_per_rank;
  std::vector<std::string> too_small;
  for (const NodeKind& kind : site.nodes) {
    if (!asked.empty() && std::ranges::find(asked, kind.name) == asked.end()) continue;
    if (request.gpus_per_node <= kind.gpus && cpus <= kind.cpus && request.memory_mib <= kind.memory_mib) return;
    too_small.push_back(fmt::format("{}: {} GPUs, {} CPUs, {}", kind.name, kind.gpus, kind.cpus,
                                    config::format_memory_mib(kind.memory_mib)));
  }
  if (too_small.empty()) return;  // of what is asked for nothing is known
  refuse(origin, fmt::format("{} GPUs, {} CPUs and {} fit no node of site {}: {}", request.gpus_per_node, cpus,
                             config::format_memory_mib(request.memory_mib), site.name, fmt::join(too_small, "; ")));
}

void validate_limits(const config::SlurmRequest& request, const SiteProfile& site, std::string_view origin) {
  const auto over = [&](std::string_view what, const std::string& asked, const std::string& limit) {
    refuse(origin,
           fmt::format("{} = {} is more than a job gets on site {}: at most {}", what, asked, site.name, limit));
  };
  const auto number = [](auto value) { return fmt::format("{}", value); };
  const int cpus = request.ranks_per_node * request.cpus_per_rank;
  if (site.max_gpus_per_node > 0 && request.gpus_per_node > site.max_gpus_per_node) {
    over("gpus-per-node", number(request.gpus_per_node), number(site.max_gpus_per_node));
  }
  if (site.max_cpus_per_node > 0 && cpus > site.max_cpus_per_node) {
    over("ranks-per-node x cpus-per-rank", number(cpus), number(site.max_cpus_per_node));
  }
  if (site.max_memory_mib > 0 && request.memory_mib > site.max_memory_mib) {
    over("memory", config::format_memory_mib(request.memory_mib), config::format_memory_mib(site.max_memory_mib));
  }
  if (site.max_nodes > 0 && request.nodes > site.max_nodes)
    over("nodes", number(request.nodes), number(site.max_nodes));
  if (site.max_gpus > 0 && request.nodes * request.gpus_per_node > site.max_gpus) {
    over("nodes x gpus-per-node", number(request.nodes * request.gpus_per_node), number(site.max_gpus));
  }
  if (site.max_time_s > 0 && request.time_s > site.max_time_s) {
    over("time", config::format_time_s(request.time_s), config::format_time_s(site.max_time_s));
  }
}

}  // namespace

void validate_request(const config::RunConfig& config, const SiteProfile& site, std::string_view origin) {
  if (!config.slurm) {
    refuse(origin, "has no [slurm] section, so there is no request to write: add one, or use tools/launch");
  }
  const config::SlurmRequest& request = *config.slurm;
  try {
    config::validate_ranks(config, request.nodes * request.ranks_per_node);
  } catch (const core::UsageError& error) {
    refuse(origin, error.what());
  }
  validate_gpus(config, origin);
  validate_account(request.account, site, origin);
  const bool by_kind = site.gpu_request != GpuRequestStyle::kGres;
  if (by_kind && request.gpus_per_node > 0 && request.constraint.empty()) {
    refuse(
        origin,
        fmt::format("site {} asks for GPUs by kind: name one as constraint in [slurm], or by --constraint{}", site.name,
                    site.constraints.empty() ? std::string() : fmt::format(": {}", fmt::join(site.constraints, ", "))));
  }
  validate_features(site, request.constraint, origin);
  validate_limits(request, site, origin);
  validate_node_kinds(request, site, origin);
}

void validate_account(const std::string& account, const SiteProfile& site, std::string_view origin) {
  if (account.empty() || site.account_pattern.takes(account)) return;
  refuse(origin, fmt::format("account = {}: an account of site {} has the form {}", account, site.name,
                             site.account_form.empty() ? site.account_pattern.text() : site.account_form));
}

}  // namespace trainyard::batch

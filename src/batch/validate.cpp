#include "batch/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <regex>
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
  if (!request.account.empty() && !site.account_pattern.empty() &&
      !std::regex_match(request.account, std::regex(site.account_pattern))) {
    refuse(origin, fmt::format("account = {}: an account of site {} has the form {}", request.account, site.name,
                               site.account_form.empty() ? site.account_pattern : site.account_form));
  }
  if (site.gpu_request == GpuRequestStyle::kTypedGres && request.gpus_per_node > 0 && request.constraint.empty()) {
    refuse(origin, fmt::format("site {} asks for GPUs by kind: name one as constraint in [slurm]", site.name));
  }
  validate_features(site, request.constraint, origin);
  validate_limits(request, site, origin);
}

}  // namespace trainyard::batch

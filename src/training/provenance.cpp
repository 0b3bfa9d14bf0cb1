#include "training/provenance.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "comm/values.h"
#include "commit.h"
#include "core/atomic_file.h"
#include "core/file.h"
#include "core/hash.h"
#include "core/text.h"

namespace trainyard::training {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 16> kNames{
    "CUDA_VISIBLE_DEVICES", "SLURM_ARRAY_JOB_ID",   "SLURM_ARRAY_TASK_ID", "SLURM_CLUSTER_NAME",
    "SLURM_CPUS_PER_TASK",  "SLURM_GPUS_ON_NODE",   "SLURM_JOB_ID",        "SLURM_JOB_NODELIST",
    "SLURM_JOB_NUM_NODES",  "SLURM_JOB_PARTITION",  "SLURM_MEM_PER_NODE",  "SLURM_NTASKS",
    "SLURM_RESTART_COUNT",  "SLURM_TASKS_PER_NODE", "SLURM_MPI_TYPE",      "TRAINYARD_EXPECTED_RANKS"};
constexpr std::array<std::string_view, 7> kPrefixes{"OMP_", "OMPI_MCA_", "NCCL_", "UCX_", "MKL_", "KMP_", "HDF5_"};
/// How mpirun and its ranks find each other: addresses and folders of this one start.
constexpr std::array<std::string_view, 5> kInternal{"OMPI_MCA_orte_", "OMPI_MCA_ess", "OMPI_MCA_pmix",
                                                    "OMPI_MCA_initial_wdir", "OMPI_MCA_shmem_RUNTIME"};
constexpr std::uint64_t kMaxProgram = std::uint64_t{1} << 30;

std::map<std::string, std::string> own_environment() {
  std::map<std::string, std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals != std::string_view::npos) environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

/// Names of loaded modules, as Lmod and Environment Modules list them.
std::vector<std::string> modules(const std::map<std::string, std::string>& environment) {
  std::vector<std::string> names;
  const auto found = environment.find("LOADEDMODULES");
  if (found == environment.end()) return names;
  for (const std::string_view name : core::split(found->second, ':')) {
    if (!name.empty()) names.emplace_back(name);
  }
  return names;
}

}  // namespace

std::map<std::string, std::string> telling_environment(const std::map<std::string, std::string>& environment) {
  std::vector<std::string> personal;
  for (const char* name : {"HOME", "USER", "LOGNAME"}) {
    const auto found = environment.find(name);
    if (found != environment.end() && found->second.size() > 1) personal.push_back(found->second);
  }
  std::map<std::string, std::string> telling;
  for (const auto& [name, value] : environment) {
    const bool named = std::ranges::find(kNames, name) != kNames.end();
    const bool prefixed =
        std::ranges::any_of(kPrefixes, [&](std::string_view prefix) { return name.starts_with(prefix); });
    const bool internal =
        std::ranges::any_of(kInternal, [&](std::string_view prefix) { return name.starts_with(prefix); });
    if ((!named && !prefixed) || internal) continue;
    const bool is_personal =
        std::ranges::any_of(personal, [&](const std::string& word) { return value.find(word) != std::string::npos; });
    telling.emplace(name, is_personal ? "(withheld)" : value);
  }
  return telling;
}

void write_provenance(const log::RunAttributes& attributes, const comm::World& world,
                      const std::filesystem::path& folder) {
  const std::vector<std::string> nodes = comm::all_gather(*world.control, attributes.node);
  const std::vector<std::string> devices = comm::all_gather(*world.control, attributes.device_name);
  if (world.rank != 0) return;
  json ranks = json::array();
  for (std::size_t rank = 0; rank < nodes.size(); ++rank)
    ranks.push_back({{"node", nodes[rank]}, {"device", devices[rank]}});
  const std::map<std::string, std::string> environment = own_environment();
  const json provenance = {{"schema", "trainyard-provenance/1"},
                           {"config", attributes.config},
                           {"config_digest", attributes.config_digest},
                           {"version", attributes.version},
                           {"commit", TRAINYARD_COMMIT},
                           {"changed_since_commit", TRAINYARD_CHANGED},
                           {"program_xxh3", core::xxh3_64_hex(core::read_file("/proc/self/exe", kMaxProgram))},
                           {"libraries",
                            {{"libtorch", attributes.libtorch_version},
                             {"mpi", attributes.mpi_version},
                             {"nccl", attributes.nccl_version},
                             {"cuda", attributes.cuda_version},
                             {"driver", attributes.driver_version}}},
                           {"modules", modules(environment)},
                           {"ranks", std::move(ranks)},
                           {"environment", telling_environment(environment)}};
  core::write_file_atomically(folder / "provenance.json",
                              provenance.dump(1, ' ', false, json::error_handler_t::replace) + "\n");
}

}  // namespace trainyard::training

#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "comm/bootstrap.h"
#include "log/schema.h"

namespace trainyard::training {

/// What of an environment tells how a run was carried out: of Slurm's, MPI's, NCCL's, CUDA's and OpenMP's variables
/// those that name no person, account or secret. Values that hold the home folder or the user's name are withheld.
std::map<std::string, std::string> telling_environment(const std::map<std::string, std::string>& environment);

/// Leaves `provenance.json` in a start's folder: configuration, commit and whether files were changed since, the
/// program's checksum, versions, modules, every rank's node and device, and the environment as above. Collective; rank
/// 0 writes. @throws core::Error on rank 0 when it cannot.
void write_provenance(const log::RunAttributes& attributes, const comm::World& world,
                      const std::filesystem::path& folder);

}  // namespace trainyard::training

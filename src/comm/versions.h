#pragma once

#include <string>

#include "comm/bootstrap.h"

namespace trainyard::comm {

/// Versions of what a run communicates with; empty where it is not in use.
struct Versions {
  std::string mpi;     ///< as the library names itself, "Open MPI v4.1.4"
  std::string nccl;    ///< "2.28.9"
  std::string cuda;    ///< of the runtime, "13.0"
  std::string driver;  ///< the newest CUDA that the driver knows, "13.0"
};

Versions library_versions(const World& world);

}  // namespace trainyard::comm

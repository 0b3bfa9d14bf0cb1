#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "comm/host_communicator.h"
#include "comm/transports.h"
#include "support/mpi_main.h"

namespace trainyard::test {

/// A fresh communicator over all ranks; collective. backend: "mpi" or "mpi+shm".
inline std::unique_ptr<comm::HostCommunicator> open_group(const std::string& backend,
                                                          comm::HostCommunicatorOptions options = {}) {
  options.shared_memory = backend == "mpi+shm";
  const comm::Limit limit(std::chrono::seconds(30));
  return std::make_unique<comm::HostCommunicator>(
      comm::open_transport(comm::mpi::Comm::world(), options.shared_memory, limit), options);
}

inline const std::vector<std::string>& backends() {
  static const std::vector<std::string> names = {"mpi", "mpi+shm"};
  return names;
}

/// A test's name may not hold a '+'.
inline std::string backend_label(const ::testing::TestParamInfo<std::string>& parameter) {
  return parameter.param == "mpi" ? "mpi" : "mpi_shm";
}

}  // namespace trainyard::test

// Operations x types x sizes x backends, at every number of ranks that the program is started with, against values
// computed here. What only some backend does is in the other files.
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "comm/local_communicator.h"
#include "open_group.h"
#include "operations.h"
#ifdef TRAINYARD_HAS_CUDA
#include "open_nccl.h"
#endif

namespace trainyard::comm {
namespace {

using test::world;

/// Groups opened for one test, or why they cannot be.
struct Opened {
  std::unique_ptr<Communicator> whole;  ///< keeps what `part` was split from
  std::unique_ptr<Communicator> part;   ///< where the test is of a part
  at::Device device = at::kCPU;
  std::string skipped;

  Communicator& group() const { return part ? *part : *whole; }
};

struct Backend {
  std::string name;
  std::vector<std::int64_t> sizes;
  std::function<Opened()> open;
};

// The large one takes several chunks of every transport in its widest types.
const std::vector<std::int64_t> kSizes = {0, 1, 3, 1031, 600'011};
const std::vector<std::int64_t> kSmallSizes = {0, 1, 1031};

Opened open_host(const std::string& backend, HostCommunicatorOptions options = {}) {
  return {test::open_group(backend, options), nullptr, at::kCPU, {}};
}

/// Odd ranks and even ones apart, each in reverse.
Opened split(Opened opened) {
  if (opened.whole) opened.part = opened.whole->split(world().rank % 2, -world().rank);
  return opened;
}

Opened open_local() {
  if (world().size > 1) return {nullptr, nullptr, at::kCPU, "a local group has one rank"};
  return {std::make_unique<LocalCommunicator>(), nullptr, at::kCPU, {}};
}

Opened open_nccl(bool check) {
#ifdef TRAINYARD_HAS_CUDA
  const std::optional<at::Device> device = test::nccl_device();
  if (!device) return {nullptr, nullptr, at::kCPU, "no CUDA device"};
  return {test::open_nccl(*device, check), nullptr, *device, {}};
#else
  static_cast<void>(check);
  return {nullptr, nullptr, at::kCPU, "built without CUDA"};
#endif
}

const std::vector<Backend>& backends() {
  static const std::vector<Backend> all = {
      {"local", kSizes, open_local},
      {"mpi", kSizes, [] { return open_host("mpi"); }},
      {"mpi_shm", kSizes, [] { return open_host("mpi+shm"); }},
      {"blocking", kSmallSizes, [] { return open_host("mpi", {.asynchronous = false}); }},
      {"checked", kSmallSizes, [] { return open_host("mpi+shm", {.check_agreement = true}); }},
      {"mpi_split", kSmallSizes, [] { return split(open_host("mpi")); }},
      {"mpi_shm_split", kSmallSizes, [] { return split(open_host("mpi+shm", {.check_agreement = true})); }},
      {"nccl", kSizes, [] { return open_nccl(false); }},
      {"nccl_split", kSmallSizes, [] { return split(open_nccl(true)); }},
  };
  return all;
}

class Driver : public testing::TestWithParam<std::tuple<Backend, test::DrivenOperation>> {};

INSTANTIATE_TEST_SUITE_P(, Driver,
                         testing::Combine(testing::ValuesIn(backends()), testing::ValuesIn(test::driven_operations())),
                         [](const auto& parameter) {
                           return std::get<0>(parameter.param).name + "_" + std::get<1>(parameter.param).name;
                         });

TEST_P(Driver, GivesWhatIsComputedHere) {
  const auto& [backend, operation] = GetParam();
  const Opened opened = backend.open();
  if (!opened.skipped.empty()) GTEST_SKIP() << opened.skipped;
  for (const at::ScalarType type : operation.types)
    for (const std::int64_t size : backend.sizes) {
      SCOPED_TRACE(std::string(c10::toString(type)) + " x " + std::to_string(size));
      operation.run({opened.group(), opened.device, type, size});
    }
  opened.group().barrier();
}

}  // namespace
}  // namespace trainyard::comm

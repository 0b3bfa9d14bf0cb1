#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

/// What a rank and a node can see of themselves; judge.h says what it means.
namespace trainyard::doctor {

struct RankFacts {
  int rank = 0;
  int local_rank = 0;
  std::string node;
  std::vector<int> cpus;  ///< that this process may run on, sorted
  int omp_threads = 0;    ///< OMP_NUM_THREADS; 0: not set
  std::string device;     ///< "cpu", "cuda:0"
  std::string gpu;        ///< its name; empty on a CPU
  std::string uuid;       ///< of the GPU: the same for every process that sees it
  std::vector<int> far;   ///< indexes of GPUs that this process sees and whose memory its own cannot read directly
  int visible_gpus = 0;
};

/// A network interface that is up and has an address.
struct Interface {
  std::string name;
  std::string address;  ///< of IPv4, else of IPv6
  bool loopback = false;
};

struct FolderFacts {
  std::string failure;  ///< why nothing can be written there; empty: it can
  bool locks = false;   ///< files there can be locked, as HDF5 does
  std::int64_t free_bytes = 0;
  std::int64_t free_inodes = -1;  ///< -1: the file system has no fixed number
};

/// Told by the first rank of each node.
struct NodeFacts {
  std::string node;
  std::vector<Interface> interfaces;
  std::vector<std::string> infiniband;  ///< devices of it
  FolderFacts results;
};

/// The CPUs of this process.
std::vector<int> allowed_cpus();

std::vector<Interface> network_interfaces();
std::vector<std::string> infiniband_devices();

/// Writes, locks and removes a small HDF5 file in the folder, which is made if it is missing.
FolderFacts examine_folder(const std::filesystem::path& folder, int rank);

/// For sending to rank 0, one line each.
std::string to_text(const RankFacts& facts);
std::string to_text(const NodeFacts& facts);
RankFacts rank_facts(const std::string& text);
NodeFacts node_facts(const std::string& text);

}  // namespace trainyard::doctor

#include "doctor/facts.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <nlohmann/json.hpp>
#include <system_error>

#include "core/descriptor.h"
#include "core/error.h"
#include "core/hdf5.h"
#include "core/text.h"

namespace trainyard::doctor {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Removes what was written, however the check ends.
class ProbeFile {
 public:
  explicit ProbeFile(fs::path path) : path_(std::move(path)) {}
  ~ProbeFile() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  ProbeFile(const ProbeFile&) = delete;
  ProbeFile& operator=(const ProbeFile&) = delete;

  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

std::string address_text(const sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = address.sa_family == AF_INET
                          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in&>(address).sin_addr)
                          : static_cast<const void*>(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
  return inet_ntop(address.sa_family, bytes, text.data(), text.size()) == nullptr ? std::string() : text.data();
}

}  // namespace

std::vector<int> allowed_cpus() {
  constexpr int kMaxCpus = 8192;  // the kernel's own limit
  std::array<cpu_set_t, kMaxCpus / CPU_SETSIZE> sets{};
  if (sched_getaffinity(0, sizeof(sets), sets.data()) != 0) {
    throw core::Error("cannot read which CPUs may be used: " + core::system_error_text(errno));
  }
  std::vector<int> cpus;
  for (int cpu = 0; cpu < kMaxCpus; ++cpu) {
    if (CPU_ISSET_S(static_cast<std::size_t>(cpu), sizeof(sets), sets.data())) cpus.push_back(cpu);
  }
  return cpus;
}

std::vector<Interface> network_interfaces() {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) {
    throw core::Error("cannot list the network interfaces: " + core::system_error_text(errno));
  }
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(first, freeifaddrs);
  std::vector<Interface> interfaces;
  for (const int family : {AF_INET, AF_INET6}) {
    for (const ifaddrs* entry = first; entry != nullptr; entry = entry->ifa_next) {
      if (entry->ifa_addr == nullptr || entry->ifa_addr->sa_family != family || (entry->ifa_flags & IFF_UP) == 0)
        continue;
      if (std::ranges::find(interfaces, entry->ifa_name, &Interface::name) != interfaces.end()) continue;
      interfaces.push_back({entry->ifa_name, address_text(*entry->ifa_addr), (entry->ifa_flags & IFF_LOOPBACK) != 0});
    }
  }
  return interfaces;
}

std::vector<std::string> infiniband_devices() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/sys/class/infiniband", error))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

FolderFacts examine_folder(const fs::path& folder, int rank) {
  FolderFacts facts;
  std::error_code error;
  fs::create_directories(folder, error);
  const ProbeFile probe(folder / (".doctor-" + std::to_string(rank) + "-" + std::to_string(getpid()) + ".h5"));
  try {
    core::hdf5::File file = core::hdf5::File::create(probe.path());
    file.set_attribute("rank", std::int64_t{rank});
    file.close();
    core::hdf5::File::open_for_reading(probe.path()).close();
    const core::Descriptor descriptor(probe.path(), O_RDWR);
    facts.locks = ::flock(descriptor.get(), LOCK_EX | LOCK_NB) == 0;
  } catch (const core::Error& failure) {
    facts.failure = core::one_line(failure.what());
    return facts;
  }
  struct statvfs status {};
  if (::statvfs(folder.c_str(), &status) == 0) {
    facts.free_bytes = static_cast<std::int64_t>(status.f_bavail) * static_cast<std::int64_t>(status.f_frsize);
    if (status.f_files > 0) facts.free_inodes = static_cast<std::int64_t>(status.f_favail);
  }
  return facts;
}

std::string to_text(const RankFacts& facts) {
  return json{{"rank", facts.rank},
              {"local_rank", facts.local_rank},
              {"node", facts.node},
              {"cpus", facts.cpus},
              {"omp_threads", facts.omp_threads},
              {"device", facts.device},
              {"gpu", facts.gpu},
              {"uuid", facts.uuid},
              {"far", facts.far},
              {"gpus", facts.visible_gpus}}
      .dump(-1, ' ', true, json::error_handler_t::replace);
}

RankFacts rank_facts(const std::string& text) {
  const json document = json::parse(text);
  RankFacts facts;
  facts.rank = document.at("rank");
  facts.local_rank = document.at("local_rank");
  facts.node = document.at("node");
  facts.cpus = document.at("cpus").get<std::vector<int>>();
  facts.omp_threads = document.at("omp_threads");
  facts.device = document.at("device");
  facts.gpu = document.at("gpu");
  facts.uuid = document.at("uuid");
  facts.far = document.at("far").get<std::vector<int>>();
  facts.visible_gpus = document.at("gpus");
  return facts;
}

std::string to_text(const NodeFacts& facts) {
  json interfaces = json::array();
  for (const Interface& interface : facts.interfaces) {
    interfaces.push_back({{"name", interface.name}, {"address", interface.address}, {"loopback", interface.loopback}});
  }
  return json{{"node", facts.node},
              {"interfaces", interfaces},
              {"infiniband", facts.infiniband},
              {"failure", facts.results.failure},
              {"locks", facts.results.locks},
              {"free_bytes", facts.results.free_bytes},
              {"free_inodes", facts.results.free_inodes}}
      .dump(-1, ' ', true, json::error_handler_t::replace);
}

NodeFacts node_facts(const std::string& text) {
  const json document = json::parse(text);
  NodeFacts facts;
  facts.node = document.at("node");
  for (const json& entry : document.at("interfaces")) {
    facts.interfaces.push_back({entry.at("name"), entry.at("address"), entry.at("loopback")});
  }
  facts.infiniband = document.at("infiniband").get<std::vector<std::string>>();
  facts.results.failure = document.at("failure");
  facts.results.locks = document.at("locks");
  facts.results.free_bytes = document.at("free_bytes");
  facts.results.free_inodes = document.at("free_inodes");
  return facts;
}

}  // namespace trainyard::doctor

#include "comm/device_facts.h"

#ifdef TRAINYARD_HAS_CUDA
#include <array>
#include <cstdio>

#include "comm/cuda_event.h"
#endif

namespace trainyard::comm {
namespace {

#ifdef TRAINYARD_HAS_CUDA
std::string uuid_text(const cudaUUID_t& uuid) {
  std::string text = "GPU";
  for (int i = 0; i < 16; ++i) {
    std::array<char, 3> digits{};
    std::snprintf(digits.data(), digits.size(), "%02x",
                  static_cast<unsigned>(static_cast<unsigned char>(uuid.bytes[i])));
    if (i == 0 || i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += digits.data();
  }
  return text;
}
#endif

}  // namespace

DeviceFacts device_facts(at::Device device) {
  DeviceFacts facts;
#ifdef TRAINYARD_HAS_CUDA
  int visible = 0;
  if (cudaGetDeviceCount(&visible) != cudaSuccess) {
    cudaGetLastError();  // no driver: there are none
    visible = 0;
  }
  facts.visible = visible;
  if (!device.is_cuda()) return facts;
  cudaDeviceProp properties{};
  check_cuda(cudaGetDeviceProperties(&properties, device.index()), "cudaGetDeviceProperties");
  facts.name = properties.name;
  facts.uuid = uuid_text(properties.uuid);
  for (int other = 0; other < visible; ++other) {
    int reads = 0;
    if (other == device.index()) continue;
    check_cuda(cudaDeviceCanAccessPeer(&reads, device.index(), other), "cudaDeviceCanAccessPeer");
    if (reads == 0) facts.far.push_back(other);
  }
#else
  static_cast<void>(device);
#endif
  return facts;
}

}  // namespace trainyard::comm

#include "parallel/replication.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <vector>

#include "core/error.h"
#include "core/hash.h"

namespace trainyard::parallel {
namespace {

/// Equal where name, shape and type are.
std::int64_t signature(const models::Parameter& parameter) {
  const std::string text = fmt::format("{} {} [{}]", parameter.name, c10::toString(parameter.tensor.scalar_type()),
                                       fmt::join(parameter.tensor.sizes().vec(), ", "));
  return std::bit_cast<std::int64_t>(core::xxh3_64(text));
}

/// Every rank's values, [ranks, n], on the CPU.
at::Tensor gather_values(const std::vector<std::int64_t>& values, at::Device device, comm::Communicator& communicator) {
  const at::Tensor own = at::tensor(at::ArrayRef<std::int64_t>(values), at::kLong).to(device);
  const at::Tensor all = at::empty({communicator.size() * own.numel()}, own.options());
  communicator.all_gather(all, own)->wait();
  return all.view({communicator.size(), own.numel()}).cpu();
}

}  // namespace

void require_same_model(const models::Model& model, comm::Communicator& communicator) {
  const std::vector<models::Parameter>& parameters = model.parameters();
  const at::Device device = parameters.front().tensor.device();
  const at::Tensor counts = gather_values({static_cast<std::int64_t>(parameters.size())}, device, communicator);
  // Ranks may differ in length: all compare as many as the longest has.
  std::vector<std::int64_t> signatures(static_cast<std::size_t>(counts.max().item<std::int64_t>()), 0);
  std::ranges::transform(parameters, signatures.begin(), signature);
  const at::Tensor all = gather_values(signatures, device, communicator);
  for (int rank = 1; rank < communicator.size(); ++rank) {
    for (std::int64_t index = 0; index < all.size(1); ++index) {
      if (all[rank][index].item<std::int64_t>() == all[0][index].item<std::int64_t>()) continue;
      const bool known = index < static_cast<std::int64_t>(parameters.size());
      throw core::Error(fmt::format(
          "rank {} holds another model than rank 0: they differ first at parameter {}{}; start all ranks with the same "
          "program and configuration",
          rank, index, known ? fmt::format(", here {}", parameters[static_cast<std::size_t>(index)].name) : ""));
    }
  }
}

void broadcast_buffers(const models::Model& model, comm::Communicator& communicator) {
  const c10::NoGradGuard no_grad;
  std::vector<std::shared_ptr<comm::Work>> works;
  for (const models::NamedTensor& buffer : model.buffers())
    works.push_back(communicator.broadcast(buffer.tensor, 0));
  for (const auto& work : works)
    work->wait();
}

void make_replicas_alike(const models::Model& model, FlatParameters& parameters, comm::Communicator& communicator) {
  require_same_model(model, communicator);
  for (FlatBucket& bucket : parameters.buckets()) {
    communicator.broadcast(bucket.parameters, 0)->wait();
    parameters.adopt(bucket);
  }
  broadcast_buffers(model, communicator);
}

}  // namespace trainyard::parallel

#include "parallel/pipeline_parts.h"

#include <ATen/ops/empty.h>

#include <algorithm>

#include "parallel/cut.h"

namespace trainyard::parallel {

at::Tensor PipelinePart::make_output(const at::Tensor& input, at::Device device) const {
  std::vector<std::int64_t> sizes = output.sizes().vec();
  const std::int64_t own = input.is_floating_point() ? 1 : input.dim();  // dimensions that are the input's
  std::copy_n(input.sizes().begin(), own, sizes.begin());
  return at::empty(sizes, output.options().device(device), output.suggest_memory_format());
}

std::vector<PipelinePart> cut_model(const models::Model& model, std::span<const StageProbe> probes,
                                    const std::string& cut, std::size_t parts) {
  std::vector<std::string> names;
  for (const models::StageEntry& stage : model.stages())
    names.push_back(stage.name);
  std::vector<double> costs;
  for (const StageProbe& probe : probes)
    costs.push_back(probe.forward_ns + probe.backward_ns);
  std::vector<PipelinePart> result;
  for (const models::Range& stages : cut.empty() ? balanced_cut(costs, parts) : named_cut(cut, names, parts)) {
    PipelinePart part{stages, {0.0, 0.0}, probes[stages.end - 1].output};
    for (std::size_t i = stages.begin; i < stages.end; ++i) {
      part.cost.forward += probes[i].forward_ns;
      part.cost.backward += probes[i].backward_ns;
    }
    result.push_back(std::move(part));
  }
  return result;
}

}  // namespace trainyard::parallel

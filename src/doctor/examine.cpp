#include "doctor/examine.h"

#include <cstdlib>
#include <exception>

#include "comm/device_facts.h"
#include "comm/launch_check.h"
#include "comm/sweep.h"
#include "comm/values.h"
#include "core/text.h"
#include "doctor/facts.h"
#include "doctor/judge.h"

namespace trainyard::doctor {
namespace {

// Quadrupled, so that the sweep of a slow network stays within some seconds.
constexpr std::int64_t kSweepBytes[] = {4 << 10, 64 << 10, 1 << 20, 16 << 20};
constexpr int kSweepIterations = 5;

RankFacts own_facts(const comm::World& world) {
  RankFacts facts;
  facts.rank = world.rank;
  facts.local_rank = world.local_rank;
  facts.node = world.node;
  facts.cpus = allowed_cpus();
  if (const char* threads = std::getenv("OMP_NUM_THREADS")) {
    facts.omp_threads = static_cast<int>(core::parse_int64(threads).value_or(0));
  }
  const comm::DeviceFacts device = comm::device_facts(world.device);
  facts.device = world.device.str();
  facts.gpu = device.name;
  facts.uuid = device.uuid;
  facts.far = device.far;
  facts.visible_gpus = device.visible;
  return facts;
}

NodeFacts facts_of_node(const comm::World& world, const ExamineOptions& options) {
  NodeFacts facts;
  facts.node = world.node;
  facts.interfaces = network_interfaces();
  facts.infiniband = infiniband_devices();
  facts.results = examine_folder(options.results, world.rank);
  return facts;
}

}  // namespace

Diagnosis examine(const comm::World& world, const ExamineOptions& options) {
  const auto rank_texts = comm::all_gather(*world.control, to_text(own_facts(world)));
  const std::string own_node = world.local_rank == 0 ? to_text(facts_of_node(world, options)) : std::string();
  const auto node_texts = comm::all_gather(*world.control, own_node);

  Diagnosis diagnosis;
  const bool judges = world.rank == 0;
  if (judges) {
    std::vector<RankFacts> ranks;
    for (const std::string& text : rank_texts)
      ranks.push_back(rank_facts(text));
    std::vector<NodeFacts> nodes;
    for (const std::string& text : node_texts) {
      if (!text.empty()) nodes.push_back(node_facts(text));
    }
    diagnosis.job = options.job;
    diagnosis.ranks = world.size;
    diagnosis.nodes = world.nodes;
    diagnosis.backend = world.data->backend();
    diagnosis.findings = judge(ranks, nodes, comm::process_environment());
  }
  if (world.size == 1) return diagnosis;
  for (const std::int64_t bytes : kSweepBytes) {
    const comm::SweepOptions sweep{.operations = {comm::SweepOperation::kAllReduce},
                                   .min_bytes = bytes,
                                   .max_bytes = bytes,
                                   .iterations = kSweepIterations};
    comm::sweep(world, sweep, [&](const comm::SweepRow& row) {
      if (judges) diagnosis.sweep.push_back({row.bytes, row.time_us, row.busbw_gbps});
    });
  }
  return diagnosis;
}

}  // namespace trainyard::doctor

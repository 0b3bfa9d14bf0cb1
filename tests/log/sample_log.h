#pragma once

#include <cstdint>
#include <filesystem>

#include "log/writer.h"

namespace trainyard::testing {

inline log::RunAttributes sample_attributes() {
  log::RunAttributes attributes;
  attributes.run = "resnet18 \u00fc\"<b>";
  attributes.job_id = "4711";
  attributes.rank = 1;
  attributes.world_size = 2;
  attributes.node = "node1";
  attributes.config = "model = resnet18\nlr = 0.1\n";
  attributes.epoch_unix_ns = 1'700'000'000'000'000'000;
  return attributes;
}

/// Every field differs from every other's and from row to row.
inline log::StepRow sample_step(std::int64_t step) {
  return {.epoch = step / 10,
          .step = step,
          .start_ns = step * 1000 + 1,
          .data_ns = step * 1000 + 2,
          .transfer_ns = step * 1000 + 3,
          .forward_ns = step * 1000 + 4,
          .backward_ns = step * 1000 + 5,
          .exposed_comm_ns = step * 1000 + 6,
          .idle_ns = step * 1000 + 7,
          .optimizer_ns = step * 1000 + 8,
          .other_ns = step * 1000 + 9,
          .step_ns = step * 1000 + 10,
          .comm_ns = step * 1000 + 11,
          .samples = 32 + step % 2,
          .loss = 2.5 - static_cast<double>(step) * 1e-3};
}

/// A finished log with `steps` steps and one row of every other table.
inline void write_sample(const std::filesystem::path& path, std::int64_t steps) {
  log::Writer writer(path, sample_attributes());
  for (std::int64_t step = 0; step < steps; ++step)
    writer.append(sample_step(step));
  writer.append(log::EpochRow{.epoch = 3, .start_ns = 4, .duration_ns = 5, .val_accuracy = 0.75});
  writer.append(log::MemoryRow{.step = 6, .allocated_bytes = 7, .peak_bytes = 8, .activations_bytes = 9});
  writer.append(log::CollectiveRow{.sequence = 10, .op = log::CollectiveOp::kReduceScatter, .bytes = 11});
  writer.append(log::DeviceRow{.time_ns = 12, .utilization = 0.5, .power_w = 300});
  writer.append(log::InferenceRow{.batch = 13, .duration_ns = 14, .samples = 15});
  writer.append(log::AccuracyRow{.reference = 1, .samples = 17, .correct = 18});
  writer.append(log::EventRow{.time_ns = 16, .kind = "signal", .text = "USR2 \u00e9"});
  writer.finish();
}

}  // namespace trainyard::testing

#pragma once

#include <cstdint>
#include <vector>

#include "config/run_config.h"

namespace trainyard::parallel {

/// Micro-batches that a stage gets in turn where the configuration does not say, for each stage: GPipe (Huang et al.
/// 2019, section 2.3) found the bubble negligible from 4 on.
constexpr std::int64_t kMicroBatchesPerStage = 4;

/// `samples` divided into `count` parts that differ by at most one, larger ones first.
std::vector<std::int64_t> even_parts(std::int64_t samples, std::int64_t count);

/// How many samples each micro-batch of a batch takes, in order: as even as possible, larger ones first.
/// `micro-batches` gives their number and `split-size` the most samples of one. None has a single sample where the
/// configuration gives whole batches' more (batch normalisation needs two), so that a small last batch has fewer, and
/// one may have a sample more than split-size. samples: at least 1.
std::vector<std::int64_t> micro_batch_sizes(std::int64_t samples, const config::RunConfig& config, int stages);

}  // namespace trainyard::parallel

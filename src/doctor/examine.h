#pragma once

#include <filesystem>
#include <string>

#include "comm/bootstrap.h"
#include "doctor/finding.h"

namespace trainyard::doctor {

struct ExamineOptions {
  std::filesystem::path results = "results";  ///< where runs would be written
  std::string job;                            ///< empty: none
};

/// Collective over the world's communicators: every rank tells of itself, rank 0 judges, and a short all-reduce sweep
/// is measured. The diagnosis is whole on rank 0 and empty on the others. Takes some seconds.
Diagnosis examine(const comm::World& world, const ExamineOptions& options);

}  // namespace trainyard::doctor

#pragma once

#include <vector>

#include "models/model.h"
#include "optim/optimizer.h"
#include "parallel/flat_parameters.h"
#include "parallel/state.h"
#include "precision/grad_scaler.h"

namespace trainyard::parallel {

/// What a rank speaks for in a saved state, in which each element must come from one rank alone.
struct Spokesman {
  bool tensors = true;  ///< for tensors that other ranks hold alike; what is sharded is its owner's in any case
  bool scalars = true;  ///< for what the whole run has once
};

/// The parts of a replica that last from step to step. They must outlive the calls alone.
struct ReplicaParts {
  const models::Model& model;
  FlatParameters& parameters;
  const optim::Optimizer& optimizer;
  const precision::GradScaler* scaler = nullptr;  ///< null: the loss is not scaled
};

/// This rank's part of the state. No copies.
std::vector<StatePiece> state_of(const ReplicaParts& parts, Spokesman spokesman);

/// Makes the state that a reader gives this replica's own. No collectives.
/// @throws what StateReader::read does; the replica is then in no state to go on.
void restore(const ReplicaParts& parts, const StateReader& reader);

}  // namespace trainyard::parallel

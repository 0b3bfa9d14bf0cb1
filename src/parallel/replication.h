#pragma once

#include "comm/communicator.h"
#include "models/model.h"
#include "parallel/flat_parameters.h"
#include "parallel/replica_state.h"

/// What the strategies that replicate a model over the ranks of a communicator do to keep the replicas one model. All
/// are collective.
namespace trainyard::parallel {

/// @throws core::Error on every rank, naming the first parameter whose name, shape or type is not the same on all.
void require_same_model(const models::Model& model, comm::Communicator& communicator);

/// Rank 0 speaks for what replicas hold alike.
inline Spokesman spokesman_of(const comm::Communicator& communicator) {
  return {.tensors = communicator.rank() == 0, .scalars = communicator.rank() == 0};
}

/// Rank 0's buffers become everyone's.
void broadcast_buffers(const models::Model& model, comm::Communicator& communicator);

/// The start of replicas whose parameters are flat: rank 0's parameters, with shards and masters, and its buffers
/// become everyone's. @throws what require_same_model() does.
void make_replicas_alike(const models::Model& model, FlatParameters& parameters, comm::Communicator& communicator);

}  // namespace trainyard::parallel

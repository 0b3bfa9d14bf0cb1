#pragma once

#include "comm/communicator.h"
#include "models/model.h"
#include "parallel/flat_parameters.h"

/// What the strategies that replicate a model over the ranks of a communicator do to keep the replicas one model. All
/// are collective.
namespace trainyard::parallel {

/// @throws core::Error on every rank, naming the first parameter whose name, shape or type is not the same on all.
void require_same_model(const models::Model& model, comm::Communicator& communicator);

/// Rank 0's parameters, with shards and masters, become everyone's.
void broadcast_parameters(FlatParameters& parameters, comm::Communicator& communicator);

/// Rank 0's buffers become everyone's.
void broadcast_buffers(const models::Model& model, comm::Communicator& communicator);

}  // namespace trainyard::parallel

#pragma once

#include "comm/bootstrap.h"

namespace trainyard::test {

/// The ranks of this test program, on the CPU; started once by mpi_main.cpp, which a test with RANKS lists as a source.
/// Every rank runs the same tests in the same order. Rank 0 prints, the others print their failures; all exit with the
/// worst status. A test that takes longer than a minute is named and ends all ranks.
comm::World& world();

}  // namespace trainyard::test

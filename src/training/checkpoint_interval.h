#pragma once

#include <cstdint>

namespace trainyard::training {

/// Nanoseconds from the beginning of a save to that of the next, by which a run loses least time to saving and to doing
/// lost steps again: sqrt(2 x what a save takes x mean time between failures), J. W. Young, "A first order
/// approximation to the optimum checkpoint interval", Communications of the ACM 17 (1974). The latter is taken to be a
/// day, which nobody knows beforehand; four times as long means intervals twice as long. Never under a minute, which is
/// also the time until a first save, before any was measured (save_ns = 0).
std::int64_t checkpoint_interval_ns(std::int64_t save_ns);

}  // namespace trainyard::training

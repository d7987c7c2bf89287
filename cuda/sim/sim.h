// The simulated device from outside: how tests choose its order.  Inside it see internal.h.
#pragma once

#include <cstdint>

namespace sim {

// When the operations of a stream run.  Lazy: not before something waits for them, so that a missing synchronisation
// shows as stale data.  Eager: at once.  Random: some now, some later, streams mixed as their events allow.
enum class Streams { Lazy, Eager, Random };

// The order of threads, blocks and streams from now on.  Seed 0 is the plain order: threads and blocks by number.
// A program starts with MEDUSA_SIM_SEED (default 0) and MEDUSA_SIM_STREAMS = lazy (default), eager or random.
void set_order(std::uint64_t seed, Streams streams);

}  // namespace sim

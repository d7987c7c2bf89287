// parallel_for: splits a range over threads such that the result has the same bits for any number of threads.
// The cut depends on the range and the grain alone, never on how many threads happen to run.
#pragma once

#include <cstdint>
#include <type_traits>

namespace medusa {

// A reference to a callable body(begin, end); it must outlive the call (a lambda argument does).
class RangeBody {
 public:
  template <class F>
  RangeBody(const F& f)  // NOLINT: a lambda converts silently
      : object_(&f), call_([](const void* object, std::int64_t begin, std::int64_t end) {
          (*static_cast<const F*>(object))(begin, end);
        }) {}
  void operator()(std::int64_t begin, std::int64_t end) const { call_(object_, begin, end); }

 private:
  const void* object_;
  void (*call_)(const void*, std::int64_t, std::int64_t);
};

// Calls body(begin, end) for the pieces [0, grain), [grain, 2 grain) ... of [0, n), in any order, on all threads.
// Pieces must write to disjoint places.  A nested call, or one from a second thread, runs on the calling thread.
// The first exception of a body is rethrown here.
void parallel_for(std::int64_t n, std::int64_t grain, RangeBody body);

// A grain that cuts [0, n) into at most `pieces` pieces of at least `least` elements: for reductions,
// whose partial sums (one per piece) are then added in order.
inline std::int64_t grain_for(std::int64_t n, std::int64_t pieces, std::int64_t least = 1) {
  const std::int64_t grain = (n + pieces - 1) / pieces;
  return grain < least ? least : grain;
}

// How many threads parallel_for uses, the caller's included.  0 means: as many as the machine has.
void set_threads(int threads);
int threads();

}  // namespace medusa

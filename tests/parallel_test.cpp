// parallel_for: every piece once, the same bits, nesting, exceptions, several calling threads.
#include "tensor/parallel.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tensor/check.h"

using namespace medusa;

namespace {

class Threads {  // another number of threads, for a while
 public:
  explicit Threads(int count) : before_(threads()) { set_threads(count); }
  ~Threads() { set_threads(before_); }

 private:
  int before_;
};

using Pieces = std::set<std::pair<std::int64_t, std::int64_t>>;

Pieces pieces_of(std::int64_t n, std::int64_t grain) {
  std::mutex mutex;
  Pieces pieces;
  bool twice = false;
  parallel_for(n, grain, [&](std::int64_t begin, std::int64_t end) {
    std::lock_guard lock(mutex);
    twice = twice || !pieces.emplace(begin, end).second;
  });
  CHECK_FALSE(twice);
  return pieces;
}

}  // namespace

TEST_CASE("parallel: the cut depends on range and grain alone") {
  for (int count : {1, 2, 3, 4, 5}) {
    const Threads now(count);
    CHECK(threads() == count);
    CHECK(pieces_of(10, 4) == Pieces{{0, 4}, {4, 8}, {8, 10}});
    CHECK(pieces_of(8, 4) == Pieces{{0, 4}, {4, 8}});
    CHECK(pieces_of(3, 4) == Pieces{{0, 3}});
    CHECK(pieces_of(2, 0) == Pieces{{0, 1}, {1, 2}});  // a grain below 1 counts as 1
    CHECK(pieces_of(0, 4).empty());
    CHECK(pieces_of(-5, 4).empty());
  }
}

TEST_CASE("parallel: grain_for makes at most so many pieces") {
  for (std::int64_t n : {1, 7, 64, 65, 1000, 100000})
    for (std::int64_t pieces : {1, 3, 64}) {
      const std::int64_t grain = grain_for(n, pieces);
      CHECK((n + grain - 1) / grain <= pieces);
      CHECK(grain_for(n, pieces, 500) >= 500);
    }
}

TEST_CASE("parallel: many short calls, 1 to 5 threads, the same bits") {
  std::vector<double> first;
  for (int count : {1, 2, 3, 4, 5}) {
    const Threads now(count);
    std::vector<double> values(1000, 1.0);
    for (int round = 0; round < 200; ++round)
      parallel_for(1000, 13, [&](std::int64_t begin, std::int64_t end) {
        double carried = 1.0 / (1.0 + static_cast<double>(begin));
        for (std::int64_t i = begin; i < end; ++i)
          carried = values[static_cast<std::size_t>(i)] = std::sin(values[static_cast<std::size_t>(i)] + carried);
      });
    if (first.empty()) first = values;
    CHECK(values == first);
  }
}

TEST_CASE("parallel: a nested call runs where it is called") {
  const Threads now(3);
  std::vector<std::atomic<int>> hits(600);
  std::atomic<int> strangers{0};
  parallel_for(6, 1, [&](std::int64_t begin, std::int64_t) {
    const std::thread::id me = std::this_thread::get_id();
    parallel_for(100, 7, [&](std::int64_t b, std::int64_t e) {
      if (std::this_thread::get_id() != me) ++strangers;
      for (std::int64_t i = b; i < e; ++i) ++hits[static_cast<std::size_t>(begin * 100 + i)];
    });
  });
  CHECK(strangers == 0);
  for (const std::atomic<int>& hit : hits) CHECK(hit == 1);
}

TEST_CASE("parallel: an exception comes out of the call, and the threads live on") {
  for (int count : {1, 4}) {
    const Threads now(count);
    for (int round = 0; round < 20; ++round) {
      CHECK_THROWS_WITH_AS(parallel_for(50, 1,
                                        [](std::int64_t begin, std::int64_t) {
                                          if (begin % 10 == 3) throw std::runtime_error("piece failed");
                                        }),
                           "piece failed", std::runtime_error);
      std::atomic<int> done{0};
      parallel_for(50, 1, [&](std::int64_t, std::int64_t) { ++done; });
      CHECK(done == 50);
    }
    CHECK_THROWS_AS(parallel_for(4, 1,
                                 [](std::int64_t, std::int64_t) {
                                   parallel_for(4, 1, [](std::int64_t, std::int64_t) { fail("nested"); });
                                 }),
                    Error);
  }
}

TEST_CASE("parallel: several threads may call at once") {
  const Threads now(3);
  std::vector<std::thread> callers;
  std::atomic<std::int64_t> total{0};
  for (int i = 0; i < 4; ++i)
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round)
        parallel_for(100, 9, [&](std::int64_t begin, std::int64_t end) { total += end - begin; });
    });
  for (std::thread& caller : callers) caller.join();
  CHECK(total == 4 * 200 * 100);
}

TEST_CASE("parallel: the number of threads") {
  const int before = threads();
  CHECK_THROWS_WITH_AS(set_threads(-1), "threads: -1 is outside 0..1024", InputError);
  CHECK_THROWS_AS(set_threads(1025), InputError);
  CHECK(threads() == before);
  set_threads(0);
  CHECK(threads() >= 1);
  set_threads(before);
}

// The loader: the same batches for any number of workers, resuming, errors, ending in the middle.
#include "datasets/loader.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include "datasets/layouts/registry.h"
#include "datasets/phantoms/phantom.h"
#include "tests/data_fixture.h"

namespace medusa::datasets {
namespace {

using test::contains;
using test::input_error;

// Sample i is the number i; augmented, it tells seed and epoch too.  Some samples are slow, one may be broken.
struct Numbers : Dataset {
  std::int64_t n, broken = -1;
  bool broken_input = true;
  std::vector<std::int64_t> classes;
  std::vector<TargetInfo> infos{{"number", TaskKind::Classification, 1000, {}}};
  mutable std::atomic<int> made{0};
  explicit Numbers(std::int64_t size) : n(size) {}
  std::int64_t size() const override { return n; }
  const std::vector<TargetInfo>& targets() const override { return infos; }
  std::string id(std::int64_t i) const override { return "n" + std::to_string(i); }
  std::int64_t sampling_class(std::int64_t i) const override {
    return classes.empty() ? 0 : classes[static_cast<std::size_t>(i)];
  }
  Sample make(std::int64_t i, real extra) const {
    ++made;
    if (i % 5 == 0) std::this_thread::sleep_for(std::chrono::microseconds(300));
    if (i == broken && broken_input) fail_input("{}.png: is broken", id(i));
    if (i == broken) fail("{}: out of luck", id(i));
    return {id(i), Tensor::full({1, 1, 1}, extra), {{Tensor::scalar(static_cast<real>(i)), {}}}};
  }
  Sample get(std::int64_t i) const override { return make(i, 0); }
  Sample get_augmented(std::int64_t i, std::uint64_t seed, std::int64_t epoch) const override {
    return make(i, static_cast<real>(
                       (seed * 31 + static_cast<std::uint64_t>(epoch) * 7 + static_cast<std::uint64_t>(i)) % 1009));
  }
};

std::vector<std::int64_t> range(std::int64_t n) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) all[static_cast<std::size_t>(i)] = i;
  return all;
}

// All of an epoch: ids and input values, batch by batch.
std::vector<std::pair<std::vector<std::string>, std::vector<real>>> epoch_of(Loader& loader, std::int64_t epoch,
                                                                             std::int64_t first = 0) {
  std::vector<std::pair<std::vector<std::string>, std::vector<real>>> out;
  loader.start_epoch(epoch, first);
  while (const auto batch = loader.next()) out.emplace_back(batch->ids, batch->input.to_vector());
  CHECK(!loader.next());
  return out;
}

TEST_CASE("loader: the same batches for 0, 1, 2 and 5 workers, epoch by epoch") {
  const Numbers dataset(53);
  for (bool weighted : {false, true}) {
    LoaderOptions o{8, 0, 3, true, true, weighted, false};
    Loader alone(dataset, range(53), o);
    CHECK(alone.batches() == 7);
    const auto first = epoch_of(alone, 0), second = epoch_of(alone, 1);
    CHECK(first != second);
    for (int workers : {1, 2, 5}) {
      o.workers = workers;
      Loader loader(dataset, range(53), o);
      CHECK(epoch_of(loader, 0) == first);
      CHECK(epoch_of(loader, 1) == second);
      CHECK(epoch_of(loader, 0) == first);
    }
    o.seed = 4;
    Loader other(dataset, range(53), o);
    CHECK(epoch_of(other, 0) != first);
  }
}

TEST_CASE("loader: each sample once, in order unless shuffled; the last batch is short or left out") {
  const Numbers dataset(20);
  LoaderOptions o{6, 2, 0, false, false, false, false};
  Loader plain(dataset, {3, 1, 4, 15, 9, 2, 6}, o);
  const auto batches = epoch_of(plain, 0);
  REQUIRE(batches.size() == 2);
  CHECK(batches[0].first == std::vector<std::string>{"n3", "n1", "n4", "n15", "n9", "n2"});
  CHECK(batches[1].first == std::vector<std::string>{"n6"});
  CHECK(plain.batch_indices(1) == std::vector<std::int64_t>{6});
  o.shuffle = true;
  Loader shuffled(dataset, range(20), o);
  std::multiset<std::string> seen;
  for (const auto& [ids, values] : epoch_of(shuffled, 5)) seen.insert(ids.begin(), ids.end());
  CHECK(seen.size() == 20);
  CHECK(std::set<std::string>(seen.begin(), seen.end()).size() == 20);
  o.drop_last = true;
  Loader full(dataset, range(20), o);
  CHECK(full.batches() == 3);
  CHECK(epoch_of(full, 0).size() == 3);
}

TEST_CASE("loader: an epoch can be taken up in the middle") {
  const Numbers dataset(30);
  Loader loader(dataset, range(30), {4, 2, 1, true, true, false, false});
  const auto whole = epoch_of(loader, 3);
  for (std::int64_t first : {0, 1, 5, 8}) {
    const auto rest = epoch_of(loader, 3, first);
    CHECK(std::equal(rest.begin(), rest.end(), whole.begin() + first, whole.end()));
  }
  CHECK(contains(test::runtime_error([&] { loader.start_epoch(0, 9); }), "epoch of 8 batches cannot start at 9"));
}

TEST_CASE("loader: weighted sampling draws every class as often, with a new look for each repeat") {
  Numbers dataset(4);
  dataset.classes = {7, 3, 3, -1};  // -1: without a label, a class like others
  // Counted among the indices, not in the dataset, where class 3 is the largest.
  std::vector<std::int64_t> many;
  for (const auto& [sample, times] : std::vector<std::pair<std::int64_t, int>>{{0, 300}, {1, 100}, {2, 50}, {3, 50}})
    many.insert(many.end(), static_cast<std::size_t>(times), sample);
  Loader loader(dataset, many, {50, 2, 9, true, false, true, false});
  int count[4] = {};
  std::set<real> looks;
  for (const auto& [ids, values] : epoch_of(loader, 0))
    for (std::size_t i = 0; i < ids.size(); ++i) {
      ++count[ids[i][1] - '0'];
      if (ids[i] == "n3") looks.insert(values[i]);
    }
  // A third of 500 each, give or take three standard deviations of 10.5.
  CHECK(std::abs(count[0] - 167) < 32);
  CHECK(std::abs(count[1] + count[2] - 167) < 32);
  CHECK(std::abs(count[3] - 167) < 32);
  CHECK(count[1] > count[2]);
  CHECK(looks.size() > 100);
}

TEST_CASE("loader: an error comes out of next(), at its batch, with its kind and the file's name") {
  for (int workers : {0, 1, 3})
    for (bool input : {true, false}) {
      CAPTURE(workers);
      Numbers dataset(40);
      dataset.broken = 17;
      dataset.broken_input = input;
      Loader loader(dataset, range(40), {4, workers, 0, false, false, false, false});
      loader.start_epoch(0);
      for (int b = 0; b < 4; ++b) CHECK(loader.next()->ids[0] == "n" + std::to_string(4 * b));
      if (input)
        CHECK(input_error([&] { loader.next(); }) == "n17.png: is broken");
      else
        CHECK(test::runtime_error([&] { loader.next(); }) == "n17: out of luck");
      CHECK(loader.next()->ids[0] == "n20");  // the rest of the epoch is still there
    }
}

TEST_CASE("loader: ends in the middle of an epoch, starts anew in the middle, never runs far ahead") {
  const Numbers dataset(400);
  for (int taken : {0, 1, 3}) {
    Loader loader(dataset, range(400), {4, 3, 0, false, true, false, false});
    loader.start_epoch(0);
    for (int b = 0; b < taken; ++b) CHECK(loader.next());
  }
  dataset.made = 0;
  Loader loader(dataset, range(400), {4, 2, 0, false, false, false, false});
  loader.start_epoch(0);
  CHECK(loader.next());
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  CHECK(dataset.made <= 4 * 6);  // one batch taken, four ahead
  loader.start_epoch(1);
  CHECK(loader.next()->ids[0] == "n0");
}

TEST_CASE("loader: misuse") {
  const Numbers dataset(5);
  CHECK(contains(input_error([&] { Loader l(dataset, range(5), {0}); }), "batch size is 0"));
  CHECK(contains(input_error([&] { Loader l(dataset, {}, {}); }), "there are no samples"));
  CHECK(contains(input_error([&] { Loader l(dataset, range(5), {4, -1}); }), "-1 workers"));
  CHECK(input_error([&] {
          Loader l(dataset, range(5), {16, 0, 0, false, false, false, true});
        }) == "loader: batch size 16 is larger than the set of 5 samples");
  CHECK(contains(test::runtime_error([&] { Loader l(dataset, {5}, {}); }), "loader: sample 5 of 5"));
  Loader loader(dataset, range(5), {2});
  CHECK(contains(test::runtime_error([&] { loader.next(); }), "next() before start_epoch()"));
}

TEST_CASE("loader: real pictures, richly augmented, from several workers into one cache") {
  test::TempFolder folder;
  write_ham10000_phantom({folder.path, 24, 2, {48, 64}});
  DatasetOptions d;
  d.folder = folder.path;
  d.size = {32, 32};
  d.augment = AugmentOptions::rich();
  LoaderOptions o{5, 0, 1, true, true, true, false};
  const auto dataset = open_dataset(d);
  Loader alone(*dataset, range(24), o);
  const auto expected = epoch_of(alone, 2);
  o.workers = 4;
  const auto fresh = open_dataset(d);
  Loader loader(*fresh, range(24), o);
  CHECK(epoch_of(loader, 2) == expected);
  CHECK(epoch_of(loader, 3) == epoch_of(alone, 3));
}

}  // namespace
}  // namespace medusa::datasets

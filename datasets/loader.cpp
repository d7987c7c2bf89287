// Workers claim whole batches in order, make them outside the lock and store them by number; next() takes them out in
// order.  So the result does not depend on which worker makes a batch, or when.
#include "datasets/loader.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <span>
#include <thread>
#include <utility>

#include "tensor/memory.h"
#include "tensor/random.h"
#include "tensor/threads.h"

namespace medusa::datasets {
namespace {

// One sample of an epoch.  `repeat` counts earlier draws of the same sample in this epoch: each is augmented
// differently.
struct Draw {
  std::int64_t index;
  std::uint64_t repeat;
};

struct Epoch {
  std::int64_t number = 0;
  std::vector<Draw> draws;
};

// A batch, or the kind and the text of the error.  next() throws a new exception with that text.
struct Slot {
  enum class Error { None, Input, Memory, Other };
  std::optional<Batch> batch;
  Error error = Error::None;
  std::string text;
  bool made() const { return batch || error != Error::None; }
};

// Classes are counted among `indices` only: validation samples must not influence training.
std::vector<Draw> draw_weighted(const Dataset& dataset, const std::vector<std::int64_t>& indices, Random random) {
  std::map<std::int64_t, double> count;
  for (std::int64_t i : indices) ++count[dataset.sampling_class(i)];
  std::vector<double> up_to;
  double total = 0;
  for (std::int64_t i : indices) up_to.push_back(total += 1 / count[dataset.sampling_class(i)]);
  std::map<std::int64_t, std::uint64_t> times;
  std::vector<Draw> draws;
  for (std::size_t k = 0; k < indices.size(); ++k) {
    const auto found = std::upper_bound(up_to.begin(), up_to.end(), random.uniform() * total);
    const std::int64_t index = indices[static_cast<std::size_t>(std::min(found, up_to.end() - 1) - up_to.begin())];
    draws.push_back({index, times[index]++});
  }
  return draws;
}

}  // namespace

struct Loader::State {
  const Dataset& dataset;
  const std::vector<std::int64_t> indices;
  const LoaderOptions options;
  std::int64_t batches;

  std::mutex mutex;
  std::condition_variable work, ready;  // a batch may be claimed; a batch is made
  std::shared_ptr<const Epoch> epoch;   // null before start_epoch
  std::uint64_t generation = 0;         // counts calls of start_epoch
  std::int64_t claimed = 0, given = 0;  // the next batch to make, to hand out
  std::vector<Slot> made;  // batch b lies in place b % ahead(): no more are claimed, and storing one needs no memory
  bool stop = false;
  std::vector<std::thread> threads;

  State(const Dataset& d, std::vector<std::int64_t> i, const LoaderOptions& o)
      : dataset(d), indices(std::move(i)), options(o) {
    const std::int64_t n = static_cast<std::int64_t>(indices.size());
    batches = o.drop_last ? n / o.batch : (n + o.batch - 1) / o.batch;
    made.resize(static_cast<std::size_t>(ahead()));
  }

  // The most batches waiting or in progress: enough that one slow batch does not stall the others, few enough for the
  // memory.
  std::int64_t ahead() const { return 2 * options.workers; }
  Slot& place_of(std::int64_t b) { return made[static_cast<std::size_t>(b % ahead())]; }

  Epoch make_epoch(std::int64_t number) const {
    Random random(options.seed, stream_of(fmt::format("order {}", number)));
    Epoch e;
    e.number = number;
    if (options.weighted_sampling) {
      e.draws = draw_weighted(dataset, indices, random);
      return e;
    }
    for (std::int64_t i : indices) e.draws.push_back({i, 0});
    if (options.shuffle) random.shuffle(e.draws);
    return e;
  }

  std::span<const Draw> draws_of(const Epoch& e, std::int64_t b) const {
    const std::int64_t begin = b * options.batch;
    const std::int64_t count = std::min(options.batch, static_cast<std::int64_t>(e.draws.size()) - begin);
    return std::span(e.draws).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(count));
  }

  Batch make(const Epoch& e, std::int64_t b) const {
    std::vector<Sample> samples;
    for (const Draw& d : draws_of(e, b)) {
      const std::uint64_t seed = options.seed + d.repeat * 0x9E3779B97F4A7C15ull;
      samples.push_back(options.augment ? dataset.get_augmented(d.index, seed, e.number) : dataset.get(d.index));
      if (!options.patch.size.empty())
        samples.back() = random_patch(samples.back(), dataset.targets(), options.patch, seed, e.number, d.index);
    }
    return stack(samples);
  }

  Slot make_slot(const Epoch& e, std::int64_t b) const noexcept {
    Slot slot;
    try {
      try {
        slot.batch = make(e, b);
      } catch (const InputError& error) {
        slot.error = Slot::Error::Input;
        slot.text = error.what();
      } catch (const OutOfMemory& error) {
        slot.error = Slot::Error::Memory;
        slot.text = error.what();
      } catch (const std::bad_alloc& error) {
        slot.error = Slot::Error::Memory;
        slot.text = error.what();
      } catch (const std::exception& error) {
        slot.error = Slot::Error::Other;
        slot.text = error.what();
      }
    } catch (const std::bad_alloc&) {  // there is none for the text either
      slot.text = "out of memory";
    }
    return slot;
  }

  void run() {
    std::unique_lock lock(mutex);
    while (true) {
      work.wait(lock, [&] { return stop || (epoch && claimed < batches && claimed < given + ahead()); });
      if (stop) return;
      const std::int64_t b = claimed++;
      const std::uint64_t mine = generation;
      const std::shared_ptr<const Epoch> e = epoch;
      lock.unlock();
      Slot slot = make_slot(*e, b);
      lock.lock();
      if (mine != generation) continue;  // that epoch was dropped
      place_of(b) = std::move(slot);
      ready.notify_all();
    }
  }
};

Loader::Loader(const Dataset& dataset, std::vector<std::int64_t> indices, LoaderOptions options) {
  MEDUSA_CHECK_INPUT(options.batch > 0, "loader: batch size is {}, expected 1 or more", options.batch);
  MEDUSA_CHECK_INPUT(options.workers >= 0 && options.workers <= 1024, "loader: {} workers, expected 0 to 1024",
                     options.workers);
  MEDUSA_CHECK_INPUT(!indices.empty(), "loader: there are no samples");
  for (std::int64_t i : indices)
    MEDUSA_CHECK(i >= 0 && i < dataset.size(), "loader: sample {} of {}", i, dataset.size());
  const std::size_t n = indices.size();
  state_ = std::make_unique<State>(dataset, std::move(indices), options);
  MEDUSA_CHECK_INPUT(state_->batches > 0, "loader: batch size {} is larger than the set of {} samples", options.batch,
                     n);
  state_->threads = start_threads(options.workers, [s = state_.get()] { s->run(); });
}

Loader::~Loader() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stop = true;
  }
  state_->work.notify_all();
  for (std::thread& t : state_->threads) t.join();
}

std::int64_t Loader::batches() const { return state_->batches; }

void Loader::start_epoch(std::int64_t epoch, std::int64_t first_batch) {
  MEDUSA_CHECK(first_batch >= 0 && first_batch <= state_->batches, "loader: epoch of {} batches cannot start at {}",
               state_->batches, first_batch);
  auto next = std::make_shared<const Epoch>(state_->make_epoch(epoch));
  std::vector<Slot> dropped(state_->made.size());  // freed outside the lock
  {
    std::lock_guard lock(state_->mutex);
    state_->epoch = std::move(next);
    ++state_->generation;
    state_->claimed = state_->given = first_batch;
    dropped.swap(state_->made);
  }
  state_->work.notify_all();
}

std::optional<Batch> Loader::next() {
  State& s = *state_;
  std::unique_lock lock(s.mutex);
  MEDUSA_CHECK(s.epoch, "loader: next() before start_epoch()");
  if (s.given == s.batches) return std::nullopt;
  const std::int64_t b = s.given;
  if (s.threads.empty()) {
    ++s.given;
    return s.make(*s.epoch, b);
  }
  s.ready.wait(lock, [&] { return s.place_of(b).made(); });
  Slot slot = std::exchange(s.place_of(b), {});
  ++s.given;
  lock.unlock();
  s.work.notify_one();
  if (slot.batch) return std::move(slot.batch);
  if (slot.error == Slot::Error::Input) throw InputError(slot.text);
  if (slot.error == Slot::Error::Memory) throw OutOfMemory(slot.text);
  throw Error(slot.text);
}

bool Loader::ready() const {
  std::lock_guard lock(state_->mutex);
  return !state_->made.empty() && state_->place_of(state_->given).batch.has_value();
}

std::vector<std::int64_t> Loader::batch_indices(std::int64_t b) const {
  std::lock_guard lock(state_->mutex);
  MEDUSA_CHECK(state_->epoch && b >= 0 && b < state_->batches, "loader: batch {} of {}", b, state_->batches);
  std::vector<std::int64_t> indices;
  for (const Draw& d : state_->draws_of(*state_->epoch, b)) indices.push_back(d.index);
  return indices;
}

}  // namespace medusa::datasets

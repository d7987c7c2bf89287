// Runs one block: a fiber per thread that waits, one thread at a time.  A thread runs until it meets a barrier or a
// warp collective, or ends; then another goes on.  If none can go on, the kernel has a bug, which is reported.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "cuda/sim/fiber.h"
#include "cuda/sim/internal.h"

namespace sim {

namespace {

enum class State { New, Ready, Running, AtBarrier, InCollective, Done };

struct Thread {
  uint3 index;
  int number, lane, warp;
  State state = State::New;
  Fiber* fiber = nullptr;
  const char* file = nullptr;  // where it waits
  int line = 0;
};

// A meeting of the lanes of one mask.  Two sets of slots, since a fast lane may come to the next meeting before a slow
// one has read the values of this one.
struct Meeting {
  unsigned mask = 0, arrived = 0, count = 0;
  Collective what = Collective::SyncWarp;
  int line = 0;
  std::uint64_t slots[2][32] = {};
};

struct Warp {
  unsigned lanes = 0;             // those that exist
  std::vector<Meeting> meetings;  // reserved: a lane holds a reference to its slots
  std::uint32_t barriers = 0;
};
constexpr std::size_t kMostMasks = 64;

// Everything about the running block.
struct Block {
  KernelCall kernel{};
  dim3 grid, size;
  uint3 index{};
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  std::vector<int> order;  // in which threads begin
  std::size_t begun = 0;
  std::vector<int> ready;  // threads that may go on, first come first served
  std::size_t waiting = 0, done = 0;
  std::uint32_t serial = 0, first_of_launch = 0, barriers = 0;
  std::string failure;
};
Block& block() {
  static Block& b = *new Block;
  return b;
}
Thread* current = nullptr;
std::vector<Fiber*>& idle_fibers() {
  static std::vector<Fiber*>& fibers = *new std::vector<Fiber*>;
  return fibers;
}

std::string at(const char* file, int line) {
  const char* slash = std::strrchr(file, '/');
  return std::string(slash != nullptr ? slash + 1 : file) + ":" + std::to_string(line);
}

void fail_block(const std::string& text) {
  if (block().failure.empty()) block().failure = text;
}

void make_ready(Thread& t) {
  t.state = State::Ready;
  block().ready.push_back(t.number);
}

void wait_as(State state, const char* file, int line) {
  Thread* self = current;
  self->state = state;
  self->file = file;
  self->line = line;
  Fiber::suspend();
}

// A fiber runs one thread after the other as long as they need not wait: a kernel without barriers never switches.
void run_threads() {
  for (;;) {
    Block& b = block();
    while (b.begun < b.order.size() && b.failure.empty()) {
      Thread& t = b.threads[static_cast<std::size_t>(b.order[b.begun++])];
      t.state = State::Running;
      t.fiber = Fiber::running();
      current = &t;
      b.kernel.call(b.kernel.arguments);
      t.state = State::Done;
      ++b.done;
      if (!b.ready.empty() && coin()) break;
    }
    idle_fibers().push_back(Fiber::running());
    Fiber::suspend();
  }
}

Fiber* idle_fiber() {
  if (idle_fibers().empty()) return new Fiber(run_threads);
  Fiber* fiber = idle_fibers().back();
  idle_fibers().pop_back();
  return fiber;
}

void resume_next(Block& b) {
  const std::size_t pick = random_order() ? random_below(b.ready.size()) : 0;
  Thread& t = b.threads[static_cast<std::size_t>(b.ready[pick])];
  b.ready.erase(b.ready.begin() + static_cast<std::ptrdiff_t>(pick));
  t.state = State::Running;
  current = &t;
  t.fiber->resume();
}

// No thread can go on although some are not done.
void explain_deadlock(const Block& b) {
  for (const Thread& t : b.threads)
    if (t.state == State::InCollective)
      return fail_block("warp collective at " + at(t.file, t.line) + " is not reached by all lanes of its mask");
  for (const Thread& t : b.threads)
    if (t.state == State::AtBarrier)
      return fail_block("__syncthreads() at " + at(t.file, t.line) + " is not reached by all threads of the block");
}

void prepare(Block& b, dim3 size) {
  const std::size_t count = std::size_t{size.x} * size.y * size.z;
  b.threads.assign(count, Thread{});
  b.warps.assign((count + 31) / 32, Warp{});
  for (Warp& w : b.warps) w.meetings.reserve(kMostMasks);
  b.order.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned k = static_cast<unsigned>(i);
    b.threads[i].index = {k % size.x, k / size.x % size.y, k / (size.x * size.y)};
    b.threads[i].number = b.order[i] = static_cast<int>(i);
    b.threads[i].lane = static_cast<int>(i % 32);
    b.threads[i].warp = static_cast<int>(i / 32);
    b.warps[i / 32].lanes |= 1u << i % 32;
  }
  for (std::size_t i = count; random_order() && i > 1; --i) std::swap(b.order[i - 1], b.order[random_below(i)]);
}

// The fibers of a block that failed would wait forever: they are abandoned.
void abandon_threads(Block& b) {
  for (const Thread& t : b.threads) {
    const bool waits = t.state != State::New && t.state != State::Done;
    if (waits && t.fiber != nullptr && std::count(idle_fibers().begin(), idle_fibers().end(), t.fiber) == 0)
      delete t.fiber;
  }
}

}  // namespace

void run_block(const KernelCall& kernel, dim3 grid, dim3 size, uint3 index, bool first_of_launch) {
  Block& b = block();
  b.kernel = kernel;
  b.grid = grid;
  b.size = size;
  b.index = index;
  b.begun = b.waiting = b.done = 0;
  b.barriers = 0;
  b.ready.clear();
  b.failure.clear();
  ++b.serial;
  if (first_of_launch) b.first_of_launch = b.serial;
  prepare(b, size);
  poison_shared();
  while (b.done < b.threads.size() && b.failure.empty()) {
    const bool fresh = b.begun < b.order.size();
    if (!b.ready.empty() && (!fresh || coin()))
      resume_next(b);
    else if (fresh)
      idle_fiber()->resume();
    else
      explain_deadlock(b);
  }
  if (!b.failure.empty()) {
    abandon_threads(b);
    b.failure +=
        " [block (" + std::to_string(index.x) + ", " + std::to_string(index.y) + ", " + std::to_string(index.z) + ")]";
  }
  current = nullptr;
}

const std::string& block_failure() { return block().failure; }

bool in_kernel() { return current != nullptr; }
Here here() {
  const Block& b = block();
  return {b.serial, b.first_of_launch, current->number, b.barriers,
          b.warps[static_cast<std::size_t>(current->warp)].barriers};
}
bool is_thread_private(const void* p) {
  const KernelCall& k = block().kernel;
  const char* arguments = static_cast<const char*>(k.arguments);
  return (Fiber::running() != nullptr && Fiber::running()->holds(p)) || (p >= arguments && p < arguments + k.bytes);
}

void kernel_error(const std::string& text) {
  fail_block(text);
  Fiber::suspend();
  std::abort();
}

// Lets other threads run first now and then: what the kernel does not order should happen in any order.
void maybe_yield() {
  if (!random_order() || current == nullptr || random_below(64) != 0) return;
  make_ready(*current);
  Fiber::suspend();
}

// ---- what kernels call ----------------------------------------------------------------------------------------------

uint3 thread_index() { return current->index; }
uint3 block_index() { return block().index; }
dim3 block_size() { return block().size; }
dim3 grid_size() { return block().grid; }
int lane() { return current->lane; }

void barrier(const char* file, int line) {
  Block& b = block();
  for (const Thread& t : b.threads)
    if (t.state == State::AtBarrier && (t.line != line || std::strcmp(t.file, file) != 0))
      kernel_error("divergent __syncthreads(): one thread waits at " + at(t.file, t.line) + ", another at " +
                   at(file, line));
  if (b.waiting + b.done + 1 == b.threads.size() && b.done > 0)
    kernel_error("__syncthreads() at " + at(file, line) +
                 " is not reached by all threads of the block: " + std::to_string(b.done) + " have ended");
  if (b.waiting + 1 < b.threads.size()) {
    ++b.waiting;
    return wait_as(State::AtBarrier, file, line);
  }
  b.waiting = 0;
  ++b.barriers;
  for (Thread& t : b.threads)
    if (t.state == State::AtBarrier) make_ready(t);
  if (coin()) {
    make_ready(*current);
    Fiber::suspend();
  }
}

const std::uint64_t* meet(unsigned mask, Collective what, std::uint64_t value, const char* file, int line) {
  Warp& warp = block().warps[static_cast<std::size_t>(current->warp)];
  const int lane = current->lane;
  if ((mask >> lane & 1) == 0) kernel_error("warp collective at " + at(file, line) + ": the lane is not in its mask");
  if ((mask & ~warp.lanes) != 0)
    kernel_error("warp collective at " + at(file, line) + ": its mask names lanes that the block does not have");
  auto m = std::find_if(warp.meetings.begin(), warp.meetings.end(), [=](const Meeting& x) { return x.mask == mask; });
  if (m == warp.meetings.end()) {
    if (warp.meetings.size() == kMostMasks) kernel_error("warp collective at " + at(file, line) + ": too many masks");
    m = warp.meetings.insert(warp.meetings.end(), Meeting{});
    m->mask = mask;
  }
  if (m->arrived == 0) {
    m->what = what;
    m->line = line;
  } else if (m->what != what || m->line != line) {
    kernel_error("warp collectives: lanes of one mask meet at lines " + std::to_string(m->line) + " and " +
                 std::to_string(line) + " of " + at(file, line));
  }
  std::uint64_t* slots = m->slots[m->count & 1];
  slots[lane] = value;
  m->arrived |= 1u << lane;
  if (m->arrived != mask) {
    wait_as(State::InCollective, file, line);
    return slots;
  }
  m->arrived = 0;
  ++m->count;
  if (what == Collective::SyncWarp) ++warp.barriers;
  for (int l = 0; l < 32; ++l)
    if ((mask >> l & 1) != 0 && l != lane)
      make_ready(block().threads[static_cast<std::size_t>(current->warp * 32 + l)]);
  return slots;
}

std::uint64_t shuffle(unsigned mask, std::uint64_t value, int source, const char* file, int line) {
  const std::uint64_t* slots = meet(mask, Collective::Shuffle, value, file, line);
  if ((mask >> source & 1) == 0)
    kernel_error("shuffle at " + at(file, line) + " reads lane " + std::to_string(source) +
                 ", which is not in its mask");
  return slots[source];
}

void before_atomic(const void* place, std::size_t bytes, const char*, int) {
  maybe_yield();
  check_access(place, bytes, true, true, __builtin_return_address(0));
}

}  // namespace sim

unsigned __ballot_sync(unsigned mask, int predicate, const char* file, int line) {
  const std::uint64_t* slots = sim::meet(mask, sim::Collective::Ballot, predicate != 0, file, line);
  unsigned bits = 0;
  for (int l = 0; l < 32; ++l)
    if ((mask >> l & 1) != 0) bits |= static_cast<unsigned>(slots[l]) << l;
  return bits;
}

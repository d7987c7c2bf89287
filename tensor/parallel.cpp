#include "tensor/parallel.h"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "tensor/check.h"
#include "tensor/threads.h"

namespace medusa {

namespace {

// One call of parallel_for: pieces are drawn from a shared counter until none is left.
struct Job {
  const RangeBody* body;
  std::int64_t n, grain, pieces;
  std::atomic<std::int64_t> next{0};
  std::mutex error_mutex;
  std::exception_ptr error;

  void work() {
    for (std::int64_t piece = next++; piece < pieces; piece = next++) {
      const std::int64_t begin = piece * grain, end = begin + grain < n ? begin + grain : n;
      try {
        (*body)(begin, end);
      } catch (...) {
        std::lock_guard lock(error_mutex);
        if (!error) error = std::current_exception();
      }
    }
  }
};

thread_local bool inside_parallel_for = false;

class ThreadPool {
 public:
  explicit ThreadPool(int wanted) : wanted_(wanted), threads_(start_threads(wanted, [this] { loop(); })) {}
  ~ThreadPool() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  int wanted() const { return wanted_; }

  // Waits only for workers that took part: one that the system wakes late finds no job and sleeps on.
  void run(Job& job) {
    {
      std::lock_guard lock(mutex_);
      job_ = &job;
      ++generation_;
    }
    wake_.notify_all();
    job.work();
    std::unique_lock lock(mutex_);
    job_ = nullptr;
    done_.wait(lock, [this] { return busy_ == 0; });
  }

 private:
  void loop() {
    inside_parallel_for = true;
    std::uint64_t seen = 0;
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return stop_ || generation_ != seen; });
      if (stop_) return;
      seen = generation_;
      Job* job = job_;
      if (job == nullptr) continue;
      ++busy_;
      lock.unlock();
      job->work();
      lock.lock();
      if (--busy_ == 0) done_.notify_one();
    }
  }

  const int wanted_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  Job* job_ = nullptr;
  std::uint64_t generation_ = 0;
  int busy_ = 0;  // workers inside a job
  bool stop_ = false;
  std::vector<std::thread> threads_;  // last: they use the members above
};

int machine_threads() {
  static const int n = static_cast<int>(std::thread::hardware_concurrency());  // a system call
  return n > 0 ? n : 1;
}

std::mutex pool_mutex;  // held while a job runs: a second thread that comes along works alone
std::atomic<int> wanted_threads{0};
// Leaked on purpose at exit: joining threads in static destructors is a known way to hang.
ThreadPool* thread_pool = nullptr;

}  // namespace

void set_threads(int count) {
  MEDUSA_CHECK_INPUT(count >= 0 && count <= 1024, "threads: {} is outside 0..1024", count);
  wanted_threads = count;
}

int threads() {
  const int wanted = wanted_threads;
  return wanted > 0 ? wanted : machine_threads();
}

void parallel_for(std::int64_t n, std::int64_t grain, RangeBody body) {
  if (n <= 0) return;
  if (grain < 1) grain = 1;
  Job job{&body, n, grain, (n + grain - 1) / grain, {}, {}, {}};
  std::unique_lock<std::mutex> lock(pool_mutex, std::defer_lock);
  const int count = threads();
  if (job.pieces > 1 && count > 1 && !inside_parallel_for && lock.try_lock()) {
    if (thread_pool == nullptr || thread_pool->wanted() != count - 1) {
      delete thread_pool;
      thread_pool = nullptr;
      thread_pool = new ThreadPool(count - 1);
    }
    inside_parallel_for = true;
    thread_pool->run(job);
    inside_parallel_for = false;
  } else {
    job.work();
  }
  if (job.error) std::rethrow_exception(job.error);
}

}  // namespace medusa

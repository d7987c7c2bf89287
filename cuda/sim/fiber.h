// Fibers: functions with stacks of their own that hand the processor to each other.  Each thread of a simulated block
// runs on one, so that it can wait in the middle of a kernel.
#pragma once

#include <cstddef>

namespace sim {

class Fiber {
 public:
  // `body` starts at the first resume() and must never return; it suspends for good instead.
  explicit Fiber(void (*body)());
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Runs the fiber until it suspends.  Called outside of any fiber.
  void resume();
  // Goes back to where the running fiber was resumed.
  static void suspend();
  // The running fiber, or null.
  static Fiber* running();

  bool holds(const void* address) const {  // on this fiber's stack
    return address >= stack_ && address < stack_ + kStackBytes;
  }

 private:
  static constexpr std::size_t kStackBytes = 256 * 1024, kGuardBytes = 4096;
  static void enter();

  char* stack_;
  void (*body_)();
  void* context_ = nullptr;     // where the fiber waits
  void* fake_stack_ = nullptr;  // of the address sanitizer
};

}  // namespace sim

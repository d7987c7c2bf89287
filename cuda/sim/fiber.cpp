#include "cuda/sim/fiber.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace sim {

namespace {

Fiber* running_fiber = nullptr;
void* main_context = nullptr;
#if defined(__SANITIZE_ADDRESS__)
const void* main_stack = nullptr;
std::size_t main_stack_bytes = 0;
void* main_fake_stack = nullptr;
#endif

}  // namespace

// medusa_sim_switch(save, load): stores the registers that a call must preserve on the stack, the stack pointer in
// *save, and goes on where `load` was saved.  ucontext does the same with a system call per switch, ten times slower.
#if defined(__x86_64__)
extern "C" void medusa_sim_switch(void** save, void* load);
asm(R"(
.text
.globl medusa_sim_switch
.type medusa_sim_switch,@function
medusa_sim_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp,(%rdi)
  movq %rsi,%rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size medusa_sim_switch,.-medusa_sim_switch
)");
#else
static void medusa_sim_switch(void** save, void* load) {
  if (*save == nullptr) *save = new ucontext_t;
  swapcontext(static_cast<ucontext_t*>(*save), static_cast<ucontext_t*>(load));
}
#endif

Fiber::Fiber(void (*body)()) : body_(body) {
  void* memory = mmap(nullptr, kGuardBytes + kStackBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, kGuardBytes, PROT_NONE) != 0) {
    std::fprintf(stderr, "sim: no memory for the stack of a simulated thread\n");
    std::abort();
  }
  stack_ = static_cast<char*>(memory) + kGuardBytes;
#if defined(__x86_64__)
  void** top = reinterpret_cast<void**>(stack_ + kStackBytes);
  *--top = nullptr;                                 // where enter() would return to: it does not
  *--top = reinterpret_cast<void*>(&Fiber::enter);  // where the first switch "returns" to
  for (int i = 0; i < 6; ++i) *--top = nullptr;     // the registers that it pops
  context_ = top;
#else
  auto* context = new ucontext_t;
  getcontext(context);
  context->uc_stack.ss_sp = stack_;
  context->uc_stack.ss_size = kStackBytes;
  makecontext(context, &Fiber::enter, 0);
  context_ = context;
#endif
}

Fiber::~Fiber() {
#if defined(__SANITIZE_ADDRESS__)
  ASAN_UNPOISON_MEMORY_REGION(stack_, kStackBytes);
#endif
#if !defined(__x86_64__)
  delete static_cast<ucontext_t*>(context_);
#endif
  munmap(stack_ - kGuardBytes, kGuardBytes + kStackBytes);
}

Fiber* Fiber::running() { return running_fiber; }

void Fiber::enter() {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, &main_stack, &main_stack_bytes);
#endif
  running_fiber->body_();
  std::abort();
}

void Fiber::resume() {
  running_fiber = this;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&main_fake_stack, stack_, kStackBytes);
#endif
  medusa_sim_switch(&main_context, context_);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(main_fake_stack, nullptr, nullptr);
#endif
  running_fiber = nullptr;
}

void Fiber::suspend() {
  Fiber* self = running_fiber;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&self->fake_stack_, main_stack, main_stack_bytes);
#endif
  medusa_sim_switch(&self->context_, main_context);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(self->fake_stack_, &main_stack, &main_stack_bytes);
#endif
}

}  // namespace sim

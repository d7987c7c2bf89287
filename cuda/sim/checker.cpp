// The checker: g++ compiles the kernels with -fsanitize=thread, so that each load and store of a kernel calls a
// function
// __tsan_read4(address) or the like.  Those functions are ours (the thread sanitizer itself is not linked).
#include <link.h>
#include <unistd.h>

#include <cstdio>
#include <vector>

#include "cuda/sim/race.h"

#if defined(MEDUSA_SIM_CHECK)

namespace sim {

namespace {

struct Image {
  std::uintptr_t begin, end;
};

// Constants of the program: __device__ tables, string literals.
bool in_program(const void* p) {
  static const std::vector<Image>& images = *[] {
    auto* list = new std::vector<Image>;
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* to) {
          for (int k = 0; k < info->dlpi_phnum; ++k) {
            const auto& segment = info->dlpi_phdr[k];
            const std::uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
            if (segment.p_type == PT_LOAD)
              static_cast<std::vector<Image>*>(to)->push_back({begin, begin + segment.p_memsz});
          }
          return 0;
        },
        list);
    return list;
  }();
  const auto address = reinterpret_cast<std::uintptr_t>(p);
  for (const Image& i : images)
    if (address >= i.begin && address < i.end) return true;
  return false;
}

// "softmax.cu:12", from the debug information.
std::string source_line(const void* code) {
  std::uintptr_t base = 0;
  dl_iterate_phdr(  // the program itself comes first
      [](dl_phdr_info* info, std::size_t, void* to) {
        *static_cast<std::uintptr_t*>(to) = info->dlpi_addr;
        return 1;
      },
      &base);
  const auto address = reinterpret_cast<std::uintptr_t>(code) - 1 - base;
  char command[128], line[512] = "?";
  std::snprintf(command, sizeof command, "addr2line -e /proc/%d/exe 0x%zx", static_cast<int>(getpid()),
                static_cast<std::size_t>(address));
  if (std::FILE* pipe = popen(command, "r")) {
    if (std::fgets(line, sizeof line, pipe) == nullptr) line[0] = '?', line[1] = '\0';
    pclose(pipe);
  }
  std::string text = line;
  text = text.substr(0, text.find_first_of("\n ("));
  const std::size_t slash = text.rfind('/');
  return slash == std::string::npos ? text : text.substr(slash + 1);
}

std::string name(bool write) { return write ? "write" : "read"; }

Range known;  // the allocation of the last access

void check_address(const void* p, std::size_t bytes, bool write, const void* code) {
  if (known.holds(p, bytes)) return;
  known = allocation_of(p, bytes);
  if (known.begin != nullptr) return;
  const bool foreign = place_of(p, bytes) == Place::Host;
  if (foreign && !write && in_program(p)) return;
  kernel_error(name(write) +
               (foreign ? " of an address that is not device memory at " : " outside of any allocation at ") +
               source_line(code));
}

Shadow& shadow() {
  static Shadow& s = *new Shadow;
  return s;
}

}  // namespace

void allocation_changed() { known = {}; }

void check_access(const void* p, std::size_t bytes, bool write, bool atomic, const void* code) {
  if (!in_kernel() || is_thread_private(p)) return;
  if (!atomic) maybe_yield();
  if (bytes <= 16 && reinterpret_cast<std::uintptr_t>(p) % bytes != 0)
    kernel_error("misaligned " + name(write) + " at " + source_line(code));
  const bool shared = is_shared(p);
  if (!shared) check_address(p, bytes, write, code);
  const Here me = here();
  const Finding f = shadow().access(me, reinterpret_cast<std::uintptr_t>(p), bytes, write, atomic, shared, code);
  if (f.uninitialised) kernel_error("read of uninitialised shared memory at " + source_line(code));
  if (f.race)
    kernel_error(std::string("race in ") + (shared ? "shared" : "device") + " memory: " + name(write) + " at " +
                 source_line(code) + " by thread " + std::to_string(me.thread) + ", " + name(f.other_wrote) + " at " +
                 source_line(f.other.code) +
                 (f.other.by_several ? " by several threads" : " by thread " + std::to_string(f.other.thread)) +
                 (f.other.block == me.block ? "" : " of another block"));
}

}  // namespace sim

#define MEDUSA_ACCESS(name, bytes, write, atomic) \
  extern "C" void __tsan_##name(void* p) { sim::check_access(p, bytes, write, atomic, __builtin_return_address(0)); }
#define MEDUSA_ACCESSES(n)                          \
  MEDUSA_ACCESS(read##n, n, false, false)           \
  MEDUSA_ACCESS(write##n, n, true, false)           \
  MEDUSA_ACCESS(unaligned_read##n, n, false, false) \
  MEDUSA_ACCESS(unaligned_write##n, n, true, false) \
  MEDUSA_ACCESS(volatile_read##n, n, false, false)  \
  MEDUSA_ACCESS(volatile_write##n, n, true, false)
MEDUSA_ACCESSES(1)
MEDUSA_ACCESSES(2)
MEDUSA_ACCESSES(4)
MEDUSA_ACCESSES(8)
MEDUSA_ACCESSES(16)
extern "C" {
void __tsan_read_range(void* p, std::size_t n) { sim::check_access(p, n, false, false, __builtin_return_address(0)); }
void __tsan_write_range(void* p, std::size_t n) { sim::check_access(p, n, true, false, __builtin_return_address(0)); }
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
// The guard of a static variable, in the files' host code.
unsigned char __tsan_atomic8_load(const volatile unsigned char* p, int) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
}

#endif

// Finds the __shared__ arrays: the sections of the program's file that are named medusa_shared_*.
#include <elf.h>
#include <link.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "cuda/sim/internal.h"

namespace sim {

namespace {

constexpr char kPrefix[] = "medusa_shared_";

struct Array {
  unsigned char* begin;
  std::size_t bytes;
};

template <class T>
bool read_at(std::FILE* file, std::size_t place, T* to, std::size_t count) {
  return std::fseek(file, static_cast<long>(place), SEEK_SET) == 0 && std::fread(to, sizeof(T), count, file) == count;
}

// The section table of an ELF file; `base` is where the program lies in memory.
void add_arrays(std::FILE* file, std::size_t base, std::vector<Array>* found) {
  Elf64_Ehdr head;
  if (!read_at(file, 0, &head, 1)) return;
  std::vector<Elf64_Shdr> sections(head.e_shnum);
  if (!read_at(file, head.e_shoff, sections.data(), sections.size())) return;
  std::string names(sections[head.e_shstrndx].sh_size, '\0');
  if (!read_at(file, sections[head.e_shstrndx].sh_offset, names.data(), names.size())) return;
  for (const Elf64_Shdr& s : sections)
    if (std::strncmp(names.c_str() + s.sh_name, kPrefix, sizeof kPrefix - 1) == 0)
      found->push_back({reinterpret_cast<unsigned char*>(base + s.sh_addr), s.sh_size});
}

const std::vector<Array>& arrays() {
  static const std::vector<Array>& found = *[] {
    auto* list = new std::vector<Array>;
    dl_iterate_phdr(  // the program itself comes first
        [](dl_phdr_info* info, std::size_t, void* to) {
          if (std::FILE* file = std::fopen("/proc/self/exe", "rb")) {
            add_arrays(file, info->dlpi_addr, static_cast<std::vector<Array>*>(to));
            std::fclose(file);
          }
          return 1;
        },
        list);
    return list;
  }();
  return found;
}

}  // namespace

bool is_shared(const void* p) {
  for (const Array& a : arrays())
    if (p >= a.begin && p < a.begin + a.bytes) return true;
  return false;
}

// Through volatile, and not instrumented: under the address sanitizer this runs over the red zones too.
void poison(void* begin, std::size_t bytes) {
  auto* p = static_cast<volatile unsigned char*>(begin);
  std::size_t i = 0;
  for (; i + 8 <= bytes; i += 8) *reinterpret_cast<volatile std::uint64_t*>(p + i) = ~std::uint64_t{0};
  for (; i < bytes; ++i) p[i] = 0xff;
}

void poison_shared() {
  for (const Array& a : arrays()) poison(a.begin, a.bytes);
}

}  // namespace sim

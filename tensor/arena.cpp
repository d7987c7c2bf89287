#include "tensor/arena.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace medusa {

namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20, kLeast = std::size_t{1} << 28, kAhead = std::size_t{64} << 20;

std::size_t machine_memory() {
  const long pages = ::sysconf(_SC_PHYS_PAGES), size = ::sysconf(_SC_PAGESIZE);
  return pages > 0 && size > 0 ? static_cast<std::size_t>(pages) * static_cast<std::size_t>(size) : kLeast;
}

// Twice the memory, so that pieces find room; but half of the addresses that a limit (ulimit -v) leaves, since malloc()
// and the stacks of threads need some too.
std::size_t most_addresses() {
  const std::size_t wanted = 2 * machine_memory();
  struct rlimit limit {};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return wanted;
  return std::min<std::size_t>(wanted, limit.rlim_cur / 2);
}

}  // namespace

// Pages are made accessible as `top_` rises, to twice what is needed: until then they do not even count as committed
// memory, and until they are touched not as resident memory.
Arena::Arena() {
  for (std::size_t size = most_addresses() / kHugePage * kHugePage; size >= kLeast; size /= 2) {
    void* base = ::mmap(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) continue;  // most of them are taken
    base_ = static_cast<char*>(base);
    reserved_ = size;
#if defined(MADV_HUGEPAGE)
    ::madvise(base_, reserved_, MADV_HUGEPAGE);  // advice: failure is not an error
#endif
    top_ = (kHugePage - reinterpret_cast<std::uintptr_t>(base_) % kHugePage) % kHugePage;
    usable_ = top_;
    return;
  }
}

Arena::~Arena() {
  if (base_ != nullptr) ::munmap(base_, reserved_);
}

bool Arena::owns(const void* block) const {
  const auto place = reinterpret_cast<std::uintptr_t>(block), base = reinterpret_cast<std::uintptr_t>(base_);
  return base_ != nullptr && place >= base && place < base + reserved_;
}

// Makes `size` bytes above the top usable, and as much again as is in use: threads that first hold their scratch memory
// at once in the hundredth step then need no system call.
bool Arena::grow(std::size_t size, bool& asked) {
  if (size > reserved_ - top_) return false;
  const std::size_t least = top_ + size;
  if (least <= usable_) return true;
  for (const std::size_t wanted : {std::max(2 * least, kAhead), least}) {
    const std::size_t end = std::min((wanted + kHugePage - 1) / kHugePage * kHugePage, reserved_);
    if (::mprotect(base_ + usable_, end - usable_, PROT_READ | PROT_WRITE) != 0) continue;
    usable_ = end;
    return asked = true;
  }
  return false;
}

void Arena::remove(Pieces::iterator at) {
  cached_ -= at->second.cached;
  by_size_.erase({at->second.size, at->first});
  free_.erase(at);
}

void Arena::add(std::size_t place, Piece piece) {
  cached_ += piece.cached;
  by_size_.insert({piece.size, place});
  free_.emplace(place, piece);
}

void* Arena::allocate(std::size_t size, bool& asked) {
  const auto fit = by_size_.lower_bound({size, 0});
  if (fit != by_size_.end()) {
    const auto at = free_.find(fit->second);
    const std::size_t place = at->first;
    const Piece piece = at->second;
    remove(at);
    if (piece.size > size) add(place + size, {piece.size - size, piece.cached - std::min(piece.cached, size)});
    return base_ + place;
  }
  // No piece is large enough: one that ends at the top only needs to grow.
  const auto last = free_.empty() ? free_.end() : std::prev(free_.end());
  const bool joins = last != free_.end() && last->first + last->second.size == top_;
  const std::size_t place = joins ? last->first : top_;
  if (!grow(place + size - top_, asked)) return nullptr;
  if (joins) remove(last);
  top_ = place + size;
  return base_ + place;
}

void Arena::free(void* block, std::size_t size) {
  std::size_t place = static_cast<std::size_t>(static_cast<char*>(block) - base_);
  Piece piece{size, size};
  const auto next = free_.lower_bound(place);
  const auto before = next == free_.begin() ? free_.end() : std::prev(next);
  if (next != free_.end() && next->first == place + size) {
    piece.size += next->second.size;
    piece.cached += next->second.cached;
    remove(next);
  }
  if (before != free_.end() && before->first + before->second.size == place) {
    place = before->first;
    piece.size += before->second.size;
    piece.cached += before->second.cached;
    remove(before);
  }
  add(place, piece);
}

void Arena::trim() {
  for (auto& [place, piece] : free_) {
    ::madvise(base_ + place, piece.size, MADV_DONTNEED);
    piece.cached = 0;
  }
  cached_ = 0;
}

}  // namespace medusa

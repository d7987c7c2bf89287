// The happens-before rule of a kernel: two accesses of one place, at least one a write, must be ordered.  Barriers
// order the threads of a block, __syncwarp those of a warp, the end of a launch orders all; nothing orders two blocks
// of one launch.  For every 4-byte word it keeps the last write and the last read, which finds nearly all races, not
// all.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "cuda/sim/internal.h"

namespace sim {

struct Access {
  std::uint32_t block = 0, barriers = 0, warp_barriers = 0;
  int thread = -1;         // -1: none yet
  std::uint8_t bytes = 0;  // which of the word's four
  bool atomic = false;
  bool by_several = false;  // other threads read it too since the last barrier
  const void* code = nullptr;
};

struct Finding {
  bool race = false, uninitialised = false;
  bool other_wrote = false;
  Access other;
};

class Shadow {
 public:
  Finding access(const Here& me, std::uintptr_t begin, std::size_t bytes, bool write, bool atomic, bool shared,
                 const void* code) {
    Finding finding;
    // Shared memory begins anew with every block, other memory with every launch.
    const std::uint32_t first = shared ? me.block : me.first_block;
    for (std::uintptr_t word = begin & ~std::uintptr_t{3}; word < begin + bytes; word += 4) {
      Word& w = this->word(word);
      const std::uint8_t mine = mask(word, begin, bytes);
      if (shared && !write && (w.write.block != me.block || (mine & ~w.write.bytes) != 0)) finding.uninitialised = true;
      if (conflicts(w.write, me, first, mine, atomic)) note(&finding, w.write, true);
      if (write && conflicts(w.read, me, first, mine, atomic)) note(&finding, w.read, false);
      if (write)
        record_write(w.write, me, mine, atomic, code);
      else
        record_read(w.read, me, first, mine, atomic, code);
    }
    return finding;
  }

 private:
  struct Word {
    Access write, read;
  };
  struct Page {
    Word words[256];
  };

  static std::uint8_t mask(std::uintptr_t word, std::uintptr_t begin, std::size_t bytes) {
    unsigned m = 0;
    for (unsigned b = 0; b < 4; ++b)
      if (word + b >= begin && word + b < begin + bytes) m |= 1u << b;
    return static_cast<std::uint8_t>(m);
  }
  static bool ordered(const Access& other, const Here& me) {
    if (other.block != me.block) return false;
    if (other.barriers < me.barriers) return true;
    if (other.by_several) return false;
    const bool same_warp = other.thread / 32 == me.thread / 32;
    return other.thread == me.thread || (same_warp && other.warp_barriers < me.warp_barriers);
  }
  static bool conflicts(const Access& other, const Here& me, std::uint32_t first, std::uint8_t mine, bool atomic) {
    if (other.thread < 0 || other.block < first || (other.bytes & mine) == 0) return false;
    return !ordered(other, me) && !(atomic && other.atomic);
  }
  static void note(Finding* finding, const Access& other, bool other_wrote) {
    finding->race = true;
    finding->other = other;
    finding->other_wrote = other_wrote;
  }
  static void record_write(Access& w, const Here& me, std::uint8_t mine, bool atomic, const void* code) {
    const std::uint8_t before = w.block == me.block ? w.bytes : std::uint8_t{0};
    w = {me.block, me.barriers, me.warp_barriers, me.thread, static_cast<std::uint8_t>(before | mine), atomic,
         false,    code};
  }
  static void record_read(Access& r, const Here& me, std::uint32_t first, std::uint8_t mine, bool atomic,
                          const void* code) {
    const bool stale = r.thread < 0 || (r.block != me.block ? r.block < first : r.barriers < me.barriers);
    const bool several = !stale && (r.by_several || r.thread != me.thread || r.block != me.block);
    const std::uint8_t before = stale ? std::uint8_t{0} : r.bytes;
    r = {me.block, me.barriers, me.warp_barriers, me.thread, static_cast<std::uint8_t>(before | mine), atomic,
         several,  code};
  }

  Word& word(std::uintptr_t address) {
    const std::uintptr_t key = address >> 10;
    if (last_ == nullptr || key != last_key_) {
      std::unique_ptr<Page>& page = pages_[key];
      if (page == nullptr) page = std::make_unique<Page>();
      last_ = page.get();
      last_key_ = key;
    }
    return last_->words[address >> 2 & 255];
  }

  std::unordered_map<std::uintptr_t, std::unique_ptr<Page>> pages_;
  std::uintptr_t last_key_ = 0;
  Page* last_ = nullptr;
};

}  // namespace sim

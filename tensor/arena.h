// Arena: where the pool's large blocks on the host come from.  One range of addresses, cut to size, whose pieces join
// again when they are given back: activations of all sizes share the same memory in turn.
//
//   | parameter |  free  | activation | free |  activation  |  not yet used ...                          |
//   base                                                     top (what lies below was in use once)
//
// With size classes alone a block of 16 MB never serves a request for 8: a training step of CTAN then held a quarter
// more memory than it ever used at once.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <utility>

namespace medusa {

class Arena {
 public:
  // Reserves addresses, not memory: twice what the machine has, or what the process may have of that.
  Arena();
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // What a request for `bytes` takes: whole pages.
  static std::size_t rounded(std::size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }
  // `size` bytes (rounded) from the smallest free piece that has them, the lowest of equals, else from the top; null if
  // the system has no more.  Sets `asked` where the system had to be asked.
  void* allocate(std::size_t size, bool& asked);
  void free(void* block, std::size_t size);
  bool owns(const void* block) const;
  // Bytes that were used once and are free now.
  std::size_t cached() const { return cached_; }
  // Gives these back to the system; the addresses stay.
  void trim();

 private:
  static constexpr std::size_t kPage = 4096;
  struct Piece {
    std::size_t size, cached;  // `cached` of its bytes may hold memory of the system's
  };
  using Pieces = std::map<std::size_t, Piece>;  // by place, counted from base_
  void add(std::size_t place, Piece piece);
  void remove(Pieces::iterator at);
  bool grow(std::size_t size, bool& asked);

  char* base_ = nullptr;
  std::size_t reserved_ = 0, usable_ = 0, top_ = 0, cached_ = 0;
  Pieces free_;
  std::set<std::pair<std::size_t, std::size_t>> by_size_;  // (size, place) of the same pieces
};

}  // namespace medusa

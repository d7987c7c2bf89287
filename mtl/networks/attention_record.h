// AttentionRecord: a network's attention on its last input, for people to look at.
#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace medusa::mtl {

// Filled by Model::outputs() of MTAN and CTAN while Model::record_attention() is on; STL and HPS have no attention and
// leave it empty.  The tensors share memory with the network's own results: read only.
struct AttentionRecord {
  // masks[t][j], [N, S_j, C_j] in (0, 1): the mask that task t computes at level j.  MTAN: what t takes from p_j.
  // CTAN: what the OTHER tasks take from it.
  std::vector<std::vector<Tensor>> masks;
  // bottleneck[t][o], [N, queries, keys], rows sum to 1: where task t looks in its own features when task o asks.
  // Spatial attention: queries and keys are the places of the last level in row-major order; channel attention: its
  // channels.  Empty at o = t.
  std::vector<std::vector<Tensor>> bottleneck;
  bool over_channels = false;  // bottleneck: channel attention

  // Empties the record for a network of `tasks` tasks.
  void clear(std::size_t tasks);
  // From the current pass: task t's mask at the next level; task t's attention for every other task, in order.
  void add_mask(std::size_t task, const Tensor& mask) { masks[task].push_back(mask); }
  void set_bottleneck(std::size_t task, std::vector<Tensor> to_others);
};

// How spread out attention is: the mean over all rows of -sum_k a_k log2 a_k, in bits  (Shannon 1948).  0: each query
// looks at a single key; log2(keys): at all keys equally.  a [.., keys], rows sum to 1.
double entropy_bits(const Tensor& attention);

}  // namespace medusa::mtl

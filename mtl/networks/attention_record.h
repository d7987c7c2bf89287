// AttentionRecord: a network's attention on its last input, for people to look at.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace medusa::mtl {

// How spread out the bottleneck's attention of task `task` with task `other` is.  0 bits and a diagonal of 1:
// collapsed, each place (channel attention: each channel) looks at itself alone.
struct BottleneckFigures {
  std::size_t task = 0, other = 0;
  double entropy_bits = 0;  // mean over queries, see entropy_bits() below
  double most_bits = 0;     // log2(keys): attention to all keys equally
  double diagonal = 0;      // mean weight of a query's own place (or channel); 1/keys: attention to all keys equally
};

// The figures over several passes, each sample counting equally.
class BottleneckSums {
 public:
  void add(std::size_t task, std::size_t other, const Tensor& attention);  // [N, queries, keys], any device
  std::vector<BottleneckFigures> means() const;  // of every pair of tasks seen, by task, then by other

 private:
  struct Sum {
    double entropy = 0, most = 0, diagonal = 0, samples = 0;
  };
  std::map<std::pair<std::size_t, std::size_t>, Sum> sums_;
};

// Filled by Model::outputs() of MTAN and CTAN while Model::record_attention() is on; STL and HPS have no attention and
// leave it empty.  The tensors share memory with the network's own results: read only.
struct AttentionRecord {
  // masks[t][j], [N, S_j, C_j] in (0, 1): the mask that task t computes at level j.  MTAN: what t takes from p_j.
  // CTAN: what the OTHER tasks take from it.
  std::vector<std::vector<Tensor>> masks;
  // bottleneck[t][o], [N, queries, keys], rows sum to 1: where task t looks in its own features when task o asks; with
  // ctan's `query: own`, in task o's features when it asks itself.
  // Spatial attention: queries and keys are the places of the last level in row-major order; channel attention: its
  // channels.  Empty at o = t.
  std::vector<std::vector<Tensor>> bottleneck;
  bool over_channels = false;  // bottleneck: channel attention
  bool own_query = false;      // bottleneck: ctan's `query: own`

  // If set, the attention of every pass is added up here, and nothing else is kept.
  BottleneckSums* sums = nullptr;

  // Empties the record for a network of `tasks` tasks.
  void clear(std::size_t tasks);
  // From the current pass: task t's mask at the next level; task t's attention for every other task, in order.
  void add_mask(std::size_t task, const Tensor& mask) {
    if (!sums) masks[task].push_back(mask);
  }
  void set_bottleneck(std::size_t task, std::vector<Tensor> to_others);
};

// How spread out attention is: the mean over all rows of -sum_k a_k log2 a_k, in bits  (Shannon 1948).  0: each query
// looks at a single key; log2(keys): at all keys equally.  a [.., keys], rows sum to 1.
double entropy_bits(const Tensor& attention);

// The mean over all rows of the weight that a query gives to its own key.  a [.., n, n], rows sum to 1.
double diagonal_share(const Tensor& attention);

}  // namespace medusa::mtl

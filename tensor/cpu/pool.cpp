// Pooling kernels, vectorised over channels.  A window is a list of places, so that borders, 2D and 3D are one case.
// The backward pass gathers: each input place collects from the windows that contain it, in a fixed order.  Max-pooling
// windows that neither overlap nor leave gaps write instead.
#include <type_traits>

#include "tensor/cpu/scratch.h"
#include "tensor/cpu/simd.h"
#include "tensor/kernels.h"
#include "tensor/parallel.h"

namespace medusa::MEDUSA_CPU {

namespace {

constexpr std::int64_t kGrain = 1 << 14;  // elements per piece

typedef std::conditional_t<sizeof(real) == 8, std::int64_t, std::int32_t> Whole;  // as wide as real
typedef Whole Mask __attribute__((vector_size(kVectorBytes)));
typedef std::int32_t Index __attribute__((vector_size(kLanes * 4), aligned(4), may_alias));

Mask load_index(const std::int32_t* p) { return __builtin_convertvector(*reinterpret_cast<const Index*>(p), Mask); }
void store_index(std::int32_t* p, Mask v) { *reinterpret_cast<Index*>(p) = __builtin_convertvector(v, Index); }

// One place of a window: where it lies, counted from the first element of the sample, and its number in the window.
struct Place {
  std::int64_t offset;
  std::int64_t tap;
};

// The windows along one axis: output o covers the inputs begin(o)..end(o)-1.
struct Axis {
  std::int64_t in, out, kernel, stride, pad;
  Axis(const PoolGeometry& g, int a)
      : in(g.in[a]), out(g.out[a]), kernel(g.kernel[a]), stride(g.stride[a]), pad(g.pad[a]) {}
  std::int64_t origin(std::int64_t o) const { return o * stride - pad; }
  std::int64_t begin(std::int64_t o) const { return max64(0, origin(o)); }
  std::int64_t end(std::int64_t o) const { return min64(in, origin(o) + kernel); }
  std::int64_t count(std::int64_t o) const { return end(o) - begin(o); }
  // The outputs whose windows contain input i: first(i)..last(i)-1.
  std::int64_t first(std::int64_t i) const { return i + pad < kernel ? 0 : (i + pad - kernel) / stride + 1; }
  std::int64_t last(std::int64_t i) const { return min64(out, (i + pad) / stride + 1); }
};

std::int64_t taps(const PoolGeometry& g) { return g.kernel[0] * g.kernel[1] * g.kernel[2]; }

// Calls body(sample, places, count, k) for every output place k with the places of its window.
template <class F>
void for_windows(const PoolGeometry& g, const F& body) {
  const Axis a(g, 0), b(g, 1), c(g, 2);
  const std::int64_t rows = g.n * a.out * b.out;
  parallel_for(rows, max64(1, kGrain / max64(1, c.out * g.c * taps(g))), [&](std::int64_t begin, std::int64_t end) {
    Scratch<Place> places(taps(g));
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t o1 = row % b.out, o0 = row / b.out % a.out, sample = row / b.out / a.out;
      bool inner = false;  // the last window was complete: the next, if complete too, is the same moved by the stride
      for (std::int64_t o2 = 0; o2 < c.out; ++o2) {
        std::int64_t count = 0;
        const bool complete = c.origin(o2) >= 0 && c.origin(o2) + c.kernel <= c.in;
        if (inner && complete) {
          count = a.count(o0) * b.count(o1) * c.kernel;
          for (std::int64_t p = 0; p < count; ++p) places[p].offset += c.stride * g.c;
        } else {
          for (std::int64_t i = a.begin(o0); i < a.end(o0); ++i)
            for (std::int64_t j = b.begin(o1); j < b.end(o1); ++j)
              for (std::int64_t k = c.begin(o2); k < c.end(o2); ++k)
                places[count++] = {((i * b.in + j) * c.in + k) * g.c,
                                   ((i - a.origin(o0)) * b.kernel + j - b.origin(o1)) * c.kernel + k - c.origin(o2)};
        }
        inner = complete;
        body(sample, places.data(), count, row * c.out + o2);
      }
    }
  });
}

// One window that contains an input place: its number, the place's number in it, and its size.
struct Window {
  std::int64_t output, tap;
  real size;
};

// Calls body(k, windows, count) for every input place k with the windows that contain it, in order.
template <class F>
void for_inputs(const PoolGeometry& g, const F& body) {
  const Axis a(g, 0), b(g, 1), c(g, 2);
  const std::int64_t rows = g.n * a.in * b.in;
  std::int64_t most = 1;
  for (int axis = 0; axis < 3; ++axis) most *= (g.kernel[axis] + g.stride[axis] - 1) / g.stride[axis];
  parallel_for(rows, max64(1, kGrain / max64(1, c.in * g.c)), [&](std::int64_t begin, std::int64_t end) {
    Scratch<Window> windows(most);
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t i1 = row % b.in, i0 = row / b.in % a.in, sample = row / b.in / a.in;
      const std::int64_t first0 = a.first(i0), last0 = a.last(i0), first1 = b.first(i1), last1 = b.last(i1);
      for (std::int64_t i2 = 0; i2 < c.in; ++i2) {
        std::int64_t count = 0;
        const std::int64_t first2 = c.first(i2), last2 = c.last(i2);
        for (std::int64_t o0 = first0; o0 < last0; ++o0)
          for (std::int64_t o1 = first1; o1 < last1; ++o1)
            for (std::int64_t o2 = first2; o2 < last2; ++o2)
              windows[count++] = {((sample * a.out + o0) * b.out + o1) * c.out + o2,
                                  ((i0 - a.origin(o0)) * b.kernel + i1 - b.origin(o1)) * c.kernel + i2 - c.origin(o2),
                                  static_cast<real>(a.count(o0) * b.count(o1) * c.count(o2))};
        body(row * c.in + i2, windows.data(), count);
      }
    }
  });
}

// Largest value of a window and the first place that has it; NaN counts as larger than all.
void max_window(const real* x, const Place* places, std::int64_t count, std::int64_t channels, real* y,
                std::int32_t* index) {
  std::int64_t c = 0;
  for (; c + kLanes <= channels; c += kLanes) {
    Vec best = load(x + places[0].offset + c);
    Mask where = Mask{} + static_cast<Whole>(places[0].tap);
    for (std::int64_t p = 1; p < count; ++p) {
      const Vec v = load(x + places[p].offset + c);
      const Mask better = ((v > best) | (v != v)) & (best == best);
      best = better ? v : best;
      where = better ? Mask{} + static_cast<Whole>(places[p].tap) : where;
    }
    store(y + c, best);
    store_index(index + c, where);
  }
  for (; c < channels; ++c) {
    real best = x[places[0].offset + c];
    std::int64_t where = places[0].tap;
    for (std::int64_t p = 1; p < count; ++p) {
      const real v = x[places[p].offset + c];
      if ((v > best || v != v) && best == best) best = v, where = places[p].tap;
    }
    y[c] = best;
    index[c] = static_cast<std::int32_t>(where);
  }
}

// Whether every input place lies in one window: the usual pooling 2x2 of an even size.
bool windows_tile(const PoolGeometry& g) {
  bool tile = true;
  for (int a = 0; a < 3; ++a)
    tile = tile && g.pad[a] == 0 && g.kernel[a] == g.stride[a] && g.in[a] == g.out[a] * g.kernel[a];
  return tile;
}

// Then each window may write its own places, which reads dy and index once, not once per place.
void max_pool_backward_tiles(const real* dy, const std::int32_t* index, real* dx, const PoolGeometry& g) {
  const std::int64_t sample_size = g.in[0] * g.in[1] * g.in[2] * g.c;
  for_windows(g, [&](std::int64_t sample, const Place* places, std::int64_t count, std::int64_t k) {
    const real* from = dy + k * g.c;
    const std::int32_t* winner = index + k * g.c;
    real* to = dx + sample * sample_size;
    std::int64_t c = 0;
    for (; c + kLanes <= g.c; c += kLanes) {
      const Vec v = load(from + c);
      const Mask at = load_index(winner + c);
      for (std::int64_t p = 0; p < count; ++p)
        store(to + places[p].offset + c, at == Mask{} + static_cast<Whole>(places[p].tap) ? v : Vec{});
    }
    for (; c < g.c; ++c)
      for (std::int64_t p = 0; p < count; ++p) to[places[p].offset + c] = winner[c] == places[p].tap ? from[c] : 0;
  });
}

}  // namespace

void max_pool(const real* x, real* y, std::int32_t* index, PoolGeometry g) {
  const std::int64_t sample_size = g.in[0] * g.in[1] * g.in[2] * g.c;
  for_windows(g, [&](std::int64_t sample, const Place* places, std::int64_t count, std::int64_t k) {
    max_window(x + sample * sample_size, places, count, g.c, y + k * g.c, index + k * g.c);
  });
}

void max_pool_backward(const real* dy, const std::int32_t* index, real* dx, PoolGeometry g) {
  if (windows_tile(g)) return max_pool_backward_tiles(dy, index, dx, g);
  for_inputs(g, [&](std::int64_t k, const Window* windows, std::int64_t count) {
    real* to = dx + k * g.c;
    std::int64_t c = 0;
    for (; c + kLanes <= g.c; c += kLanes) {
      Vec sum{};
      for (std::int64_t w = 0; w < count; ++w) {
        const std::int64_t at = windows[w].output * g.c + c;
        const Mask tap = Mask{} + static_cast<Whole>(windows[w].tap);
        sum += load_index(index + at) == tap ? load(dy + at) : Vec{};
      }
      store(to + c, sum);
    }
    for (; c < g.c; ++c) {
      real sum = 0;
      for (std::int64_t w = 0; w < count; ++w) {
        const std::int64_t at = windows[w].output * g.c + c;
        if (index[at] == windows[w].tap) sum += dy[at];
      }
      to[c] = sum;
    }
  });
}

void avg_pool(const real* x, real* y, PoolGeometry g) {
  const std::int64_t sample_size = g.in[0] * g.in[1] * g.in[2] * g.c;
  for_windows(g, [&](std::int64_t sample, const Place* places, std::int64_t count, std::int64_t k) {
    const real *from = x + sample * sample_size, size = static_cast<real>(count);
    real* to = y + k * g.c;
    std::int64_t c = 0;
    for (; c + kLanes <= g.c; c += kLanes) {
      Vec sum{};
      for (std::int64_t p = 0; p < count; ++p) sum += load(from + places[p].offset + c);
      store(to + c, sum / size);
    }
    for (; c < g.c; ++c) {
      real sum = 0;
      for (std::int64_t p = 0; p < count; ++p) sum += from[places[p].offset + c];
      to[c] = sum / size;
    }
  });
}

void avg_pool_backward(const real* dy, real* dx, PoolGeometry g) {
  for_inputs(g, [&](std::int64_t k, const Window* windows, std::int64_t count) {
    real* to = dx + k * g.c;
    std::int64_t c = 0;
    for (; c + kLanes <= g.c; c += kLanes) {
      Vec sum{};
      for (std::int64_t w = 0; w < count; ++w) sum += load(dy + windows[w].output * g.c + c) / windows[w].size;
      store(to + c, sum);
    }
    for (; c < g.c; ++c) {
      real sum = 0;
      for (std::int64_t w = 0; w < count; ++w) sum += dy[windows[w].output * g.c + c] / windows[w].size;
      to[c] = sum;
    }
  });
}

}  // namespace medusa::MEDUSA_CPU

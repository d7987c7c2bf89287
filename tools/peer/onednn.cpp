// The library's 3x3 convolutions against oneDNN's, in turn within one process, on the same numbers.  A program of its
// own, outside tools/*.cpp: only -DMEDUSA_PEER=ON builds it, and nothing else here knows of libdnnl.
#include <omp.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <dnnl.hpp>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "tensor/isa.h"
#include "tensor/kernels.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tensor/tensor.h"
#include "tools/bench/roofline.h"
#include "tools/cli/program.h"

namespace medusa::tools {
namespace {

using Tag = dnnl::memory::format_tag;
using Algorithm = dnnl::algorithm;
using Kind = dnnl::prop_kind;

constexpr const char* kDirections[3] = {"forward", "backward-data", "backward-weights"};

struct Options {
  std::string only;
  int rounds = 5;
  std::int64_t threads = 1;
  double seconds = 0.1;
  bool json = false;
};

// One layer of the networks of `bench step`, "same" padding.
struct Layer {
  int rank;
  std::int64_t n, side, cin, cout;
  std::string text() const {
    return fmt::format("{}x{}{}x{} {}->{}", n, rank == 3 ? fmt::format("{}x", side) : "", side, side, cin, cout);
  }
  ConvGeometry geometry() const {
    ConvGeometry g;
    g.n = n, g.cin = cin, g.cout = cout;
    for (int a = rank == 3 ? 0 : 1; a < 3; ++a) g.in[a] = g.out[a] = side, g.kernel[a] = 3, g.pad[a] = 1;
    return g;
  }
};

// Every 3x3 layer of CTAN 2D (8 x 3 x 128^2, widths 32 to 512) and 3D (64^3, widths 16 to 128) by its level.
std::vector<Layer> layers() {
  std::vector<Layer> all;
  for (std::int64_t side = 128, width = 32; width <= 512; side /= 2, width *= 2) {
    all.push_back({2, 8, side, width, width});
    if (width < 512) {
      all.push_back({2, 8, side, width, 2 * width});
      all.push_back({2, 8, side, 2 * width, width});
      all.push_back({2, 8, side, 2 * width, 2 * width});
    }
    if (width > 32) all.push_back({2, 8, side, width / 2, width});
  }
  for (std::int64_t side = 64, width = 16; width <= 128; side /= 2, width *= 2) {
    all.push_back({3, 1, side, width, width});
    if (width < 128) {
      all.push_back({3, 1, side, width, 2 * width});
      all.push_back({3, 1, side, 2 * width, width});
      all.push_back({3, 1, side, 2 * width, 2 * width});
    }
    if (width > 16) all.push_back({3, 1, side, width / 2, width});
  }
  return all;
}

Tensor random_tensor(std::int64_t n, std::uint64_t stream) {
  Tensor t = Tensor::empty(Shape{n});
  Random random(1, stream);
  real* out = t.mutable_data();
  for (std::int64_t i = 0; i < n; ++i) out[i] = static_cast<real>(random.uniform(-1, 1));
  return t;
}

// ---- oneDNN's side --------------------------------------------------------------------------------------------------

dnnl::engine& engine() {
  static dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

struct Sizes {
  dnnl::memory::dims x, w, y, stride, pad;
  Tag last, weights;  // channels last, and the library's own order of the weights
};

Sizes sizes_of(const Layer& l) {
  Sizes s{{l.n, l.cin}, {l.cout, l.cin}, {l.n, l.cout}, {}, {}, Tag::nhwc, Tag::hwio};
  if (l.rank == 3) s.last = Tag::ndhwc, s.weights = Tag::dhwio;
  for (int a = 0; a < l.rank; ++a) {
    s.x.push_back(l.side), s.w.push_back(3), s.y.push_back(l.side);
    s.stride.push_back(1), s.pad.push_back(1);
  }
  return s;
}

// A convolution in one direction that is ready to run, and the memory of its result.
struct Peer {
  std::string name;
  dnnl::primitive primitive;
  std::unordered_map<int, dnnl::memory> arguments;
  dnnl::memory result;

  void run(dnnl::stream& stream) const {
    primitive.execute(stream, arguments);
    stream.wait();
  }
};

dnnl::memory plain(const dnnl::memory::dims& dims, Tag tag, const Tensor& t) {
  return {{dims, dnnl::memory::data_type::f32, tag}, engine(), const_cast<real*>(t.data())};
}

// `from` in the layout that a primitive asked for; `from` itself if it has that layout.
dnnl::memory in_layout(dnnl::memory from, const dnnl::memory::desc& wanted) {
  if (from.get_desc() == wanted) return from;
  dnnl::memory to(wanted, engine());
  dnnl::stream stream(engine());
  dnnl::reorder(from, to).execute(stream, from, to);
  stream.wait();
  return to;
}

struct Data {
  Tensor x, w, dy, y, dx, dw;
};

// direction 0 forward, 1 with respect to the input, 2 to the weights.  Weights may always have the layout that oneDNN
// likes best and are brought into it before the clock starts; activations only where `tag` is Tag::any.
Peer make_peer(const Layer& l, int direction, Algorithm algorithm, Tag tag, const Data& data) {
  const Sizes s = sizes_of(l);
  const auto f32 = dnnl::memory::data_type::f32;
  const dnnl::memory::desc x(s.x, f32, tag), w(s.w, f32, Tag::any), y(s.y, f32, tag);
  const dnnl::memory mx = plain(s.x, s.last, data.x), mw = plain(s.w, s.weights, data.w),
                     my = plain(s.y, s.last, data.dy);
  const dnnl::convolution_forward::primitive_desc forward(
      {Kind::forward_training, algorithm, x, w, y, s.stride, s.pad, s.pad}, engine());
  Peer peer;
  if (direction == 0) {
    peer.result = dnnl::memory(forward.dst_desc(), engine());
    peer.primitive = dnnl::convolution_forward(forward);
    peer.arguments = {{DNNL_ARG_SRC, in_layout(mx, forward.src_desc())},
                      {DNNL_ARG_WEIGHTS, in_layout(mw, forward.weights_desc())},
                      {DNNL_ARG_DST, peer.result}};
    peer.name = forward.impl_info_str();
  } else if (direction == 1) {
    const dnnl::convolution_backward_data::primitive_desc backward({algorithm, x, w, y, s.stride, s.pad, s.pad},
                                                                   engine(), forward);
    peer.result = dnnl::memory(backward.diff_src_desc(), engine());
    peer.primitive = dnnl::convolution_backward_data(backward);
    peer.arguments = {{DNNL_ARG_DIFF_DST, in_layout(my, backward.diff_dst_desc())},
                      {DNNL_ARG_WEIGHTS, in_layout(mw, backward.weights_desc())},
                      {DNNL_ARG_DIFF_SRC, peer.result}};
    peer.name = backward.impl_info_str();
  } else {
    const dnnl::convolution_backward_weights::primitive_desc backward({algorithm, x, w, y, s.stride, s.pad, s.pad},
                                                                      engine(), forward);
    peer.result = dnnl::memory(backward.diff_weights_desc(), engine());
    peer.primitive = dnnl::convolution_backward_weights(backward);
    peer.arguments = {{DNNL_ARG_SRC, in_layout(mx, backward.src_desc())},
                      {DNNL_ARG_DIFF_DST, in_layout(my, backward.diff_dst_desc())},
                      {DNNL_ARG_DIFF_WEIGHTS, peer.result}};
    peer.name = backward.impl_info_str();
  }
  return peer;
}

// A peer for each of oneDNN's algorithms that this processor has; empty if it has none.
std::vector<Peer> peers_of(const Layer& l, int direction, Tag tag, const Data& data) {
  std::vector<Peer> peers;
  for (const Algorithm algorithm : {Algorithm::convolution_direct, Algorithm::convolution_winograd}) try {
      peers.push_back(make_peer(l, direction, algorithm, tag, data));
    } catch (const dnnl::error&) {  // "could not create a primitive": not for this shape, layout or processor
    }
  return peers;
}

// ---- the comparison -------------------------------------------------------------------------------------------------

// Calls `body` once unmeasured, then for `seconds`, at least 3 times; the median.
double time_of(double seconds, const std::function<void()>& body) {
  using Clock = std::chrono::steady_clock;
  body();
  std::vector<double> times;
  double total = 0;
  while (times.size() < 3 || total < seconds) {
    const Clock::time_point start = Clock::now();
    body();
    times.push_back(std::chrono::duration<double>(Clock::now() - start).count());
    total += times.back();
  }
  return median(times);
}

// The largest difference of two results relative to the largest value: both sides must have done the same work.
double difference(const Layer& l, int direction, const Peer& peer, const Tensor& ours) {
  const Sizes s = sizes_of(l);
  const auto& dims = direction == 0 ? s.y : direction == 1 ? s.x : s.w;
  const Tensor theirs = Tensor::empty_like(ours);
  const dnnl::memory to = plain(dims, direction == 2 ? s.weights : s.last, theirs);
  dnnl::stream stream(engine());
  dnnl::memory from = peer.result, target = to;
  dnnl::reorder(from, target).execute(stream, from, target);
  stream.wait();
  double worst = 0, scale = 0;
  for (std::int64_t i = 0; i < ours.numel(); ++i) {
    const double a = ours.data()[i], b = theirs.data()[i];
    if (!(std::fabs(a - b) <= worst)) worst = std::fabs(a - b);
    scale = std::max(scale, std::fabs(b));
  }
  return worst / scale;
}

struct Result {
  double ours = 0, last = 0, blocked = 0;          // seconds, medians of the rounds; 0: oneDNN cannot
  std::array<double, 3> ratio{}, blocked_ratio{};  // median, least, most of theirs / ours
  std::string last_name, blocked_name;
};

std::array<double, 3> spread(std::vector<double> values) {
  if (values.empty()) return {};
  return {median(values), *std::min_element(values.begin(), values.end()),
          *std::max_element(values.begin(), values.end())};
}

// The fastest of the peers [first, last) by its median; -1 where there is none.
int fastest(const std::vector<std::vector<double>>& times, std::size_t first, std::size_t last) {
  int best = -1;
  for (std::size_t i = first; i < last; ++i)
    if (best < 0 || median(times[i]) < median(times[static_cast<std::size_t>(best)])) best = static_cast<int>(i);
  return best;
}

Result compare(const Options& o, const Layer& l, int direction) {
  const ConvGeometry g = l.geometry();
  Data d{
      random_tensor(g.in_numel(), 1), random_tensor(g.weight_numel(), 2), random_tensor(g.out_numel(), 3), {}, {}, {}};
  Tensor& out = direction == 0 ? d.y : direction == 1 ? d.dx : d.dw;
  out = Tensor::empty_like(direction == 0 ? d.dy : direction == 1 ? d.x : d.w);
  real* const to = out.mutable_data();
  const std::function<void()> ours = [&] {
    if (direction == 0) kernels::conv(Device::CPU, d.x.data(), d.w.data(), nullptr, to, g);
    if (direction == 1) kernels::conv_backward_data(Device::CPU, d.dy.data(), d.w.data(), nullptr, to, g);
    if (direction == 2) kernels::conv_backward_weights(Device::CPU, d.x.data(), d.dy.data(), to, g);
  };
  std::vector<Peer> peers = peers_of(l, direction, sizes_of(l).last, d);
  const std::size_t last = peers.size();
  for (Peer& peer : peers_of(l, direction, Tag::any, d)) peers.push_back(std::move(peer));

  dnnl::stream stream(engine());
  std::vector<double> our_times;
  std::vector<std::vector<double>> times(peers.size());
  for (int round = 0; round < o.rounds; ++round) {
    our_times.push_back(time_of(o.seconds, ours));
    for (std::size_t i = 0; i < peers.size(); ++i)
      times[i].push_back(time_of(o.seconds, [&] { peers[i].run(stream); }));
  }
  for (const Peer& peer : peers) {
    const double apart = difference(l, direction, peer, out);
    MEDUSA_CHECK(apart < 1e-4, "{}, direction {}: {} gives values that differ by {:.1e}", l.text(), direction,
                 peer.name, apart);
  }
  Result r;
  r.ours = median(our_times);
  const auto against = [&](int best, double* time, std::array<double, 3>* ratio, std::string* name) {
    if (best < 0) return;
    const std::size_t i = static_cast<std::size_t>(best);
    std::vector<double> ratios;
    for (std::size_t round = 0; round < our_times.size(); ++round) ratios.push_back(times[i][round] / our_times[round]);
    *time = median(times[i]), *ratio = spread(ratios), *name = peers[i].name;
  };
  against(fastest(times, 0, last), &r.last, &r.ratio, &r.last_name);
  against(fastest(times, last, peers.size()), &r.blocked, &r.blocked_ratio, &r.blocked_name);
  return r;
}

void report(const Options& o, const Layer& l, int direction, const Result& r) {
  const ConvGeometry g = l.geometry();
  const double gflop = 2e-9 * static_cast<double>(g.out_numel() * g.taps() * g.cin);
  const auto rate = [&](double seconds) { return seconds > 0 ? gflop / seconds : 0; };
  if (o.json) {
    const nlohmann::ordered_json line{{"layer", l.text()},
                                      {"direction", kDirections[direction]},
                                      {"threads", threads()},
                                      {"isa", name(isa())},
                                      {"gflops", rate(r.ours)},
                                      {"onednn_gflops", rate(r.last)},
                                      {"ratio", r.ratio[0]},
                                      {"spread", {r.ratio[1], r.ratio[2]}},
                                      {"onednn", r.last_name},
                                      {"blocked_gflops", rate(r.blocked)},
                                      {"blocked_ratio", r.blocked_ratio[0]},
                                      {"blocked", r.blocked_name}};
    fmt::print("{}\n", line.dump());
  } else {
    fmt::print("{:24} {:16} {:7.1f} {:7.1f}  {:5.2f} ({:.2f} to {:.2f}) {:7.1f}  {:5.2f} ({:.2f} to {:.2f})\n",
               l.text(), kDirections[direction], rate(r.ours), rate(r.last), r.ratio[0], r.ratio[1], r.ratio[2],
               rate(r.blocked), r.blocked_ratio[0], r.blocked_ratio[1], r.blocked_ratio[2]);
  }
  std::fflush(stdout);
}

void compare_all(const Options& o) {
  MEDUSA_CHECK_INPUT(o.rounds >= 1, "--rounds {}: expected 1 or more", o.rounds);
  MEDUSA_CHECK_INPUT(o.threads >= 1 && o.threads <= 1024, "--threads {}: expected 1 to 1024", o.threads);
  static_assert(sizeof(real) == 4, "oneDNN computes in float: build without -DMEDUSA_REAL=double");
  set_threads(static_cast<int>(o.threads));
  omp_set_num_threads(static_cast<int>(o.threads));
  const dnnl_version_t* v = dnnl_version();
  if (!o.json) {
    fmt::print("{}, {} thread(s), oneDNN {}.{}.{}, multiply-add peak {:.1f} GFLOP/s\n", name(isa()), threads(),
               v->major, v->minor, v->patch, fma_peak(0.2) / 1e9);
    fmt::print("{:41} {:>7} {:>23} {:>31}\n{:24} {:16} {:>7} {:>7}  {:21} {:>7}  {}\n",
               "GFLOP/s of the plain loop's work", "", "oneDNN, channels last", "oneDNN, blocked", "layer", "direction",
               "ours", "rate", "ours / theirs", "rate", "ours / theirs");
  }
  std::vector<double> ratios[3], blocked[3];
  for (const Layer& l : layers())
    for (int direction = 0; direction < 3; ++direction) {
      if (fmt::format("{} {}", l.text(), kDirections[direction]).find(o.only) == std::string::npos) continue;
      const Result r = compare(o, l, direction);
      report(o, l, direction, r);
      if (r.last > 0) ratios[direction].push_back(r.ratio[0]);
      if (r.blocked > 0) blocked[direction].push_back(r.blocked_ratio[0]);
    }
  if (o.json) return;
  for (int direction = 0; direction < 3; ++direction)
    if (!ratios[direction].empty() && !blocked[direction].empty())
      fmt::print("{:24} {:16} {:>17}{:5.2f} ({:.2f} to {:.2f}) {:>9}{:5.2f} ({:.2f} to {:.2f})\n",
                 "median of the layers", kDirections[direction], "", spread(ratios[direction])[0],
                 spread(ratios[direction])[1], spread(ratios[direction])[2], "", spread(blocked[direction])[0],
                 spread(blocked[direction])[1], spread(blocked[direction])[2]);
}

}  // namespace
}  // namespace medusa::tools

int main(int argc, char** argv) {
  using namespace medusa::tools;
  CommandLine command{
      "Compares every 3x3 convolution of the networks of `bench step` with oneDNN, in each direction: GFLOP/s, and the "
      "ratio ours / theirs (higher is better) as the median of the rounds, with the least and the most.",
      "peer_onednn"};
  Options o;
  command.option("--only", o.only, "only layers whose line contains this text");
  command.option("--threads", o.threads, "threads of both sides");
  command.option("--rounds", o.rounds, "rounds; in each, both sides run in turn");
  command.option("--seconds", o.seconds, "time of one side in one round, in seconds");
  command.flag("--json", o.json, "one JSON object a line");
  command.footer(
      "oneDNN runs each of its algorithms, and the fastest counts; its weights are in the layout that it prefers "
      "before\n"
      "the clock starts, while ours are packed within each call.  `channels last`: activations as in the library's\n"
      "tensors.  `blocked`: in the layout that oneDNN chooses, without the time of the conversion.");
  return run(command, argc, argv, [&] { compare_all(o); });
}

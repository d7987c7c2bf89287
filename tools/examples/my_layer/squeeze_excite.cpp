// A layer of a program's own, in the encoder of a U-Net: squeeze-and-excitation (Hu, Shen, Sun, "Squeeze-and-excitation
// networks", CVPR 2018).  A layer is a class: parameters and children in the constructor, the formula in forward().
#include "mtl/medusa.h"

using namespace medusa;

namespace {

// y = x s,  s = sigmoid(W2 relu(W1 mean_S(x)))   (eq. 2, 3): one factor per picture and channel.  x, y [N, H, W,
// channels]
class SqueezeExcite : public nn::Module {
 public:
  explicit SqueezeExcite(std::int64_t channels, std::int64_t reduction = 4)
      : fc1_(add<nn::Linear>("fc1", channels, channels / reduction)),
        fc2_(add<nn::Linear>("fc2", channels / reduction, channels)) {}

  Var forward(const Var& x) override {
    const Var s = sigmoid(fc2_(relu(fc1_(global_avg_pool(x)))));
    return x * reshape(s, {x.size(0), 1, 1, x.size(-1)});
  }

 private:
  nn::Linear& fc1_;
  nn::Linear& fc2_;
};

// The contracting half, each level half as large as the one before: x_j = se_j(block_j(maxpool2(x_{j-1}))).
class Encoder : public nn::Module {
 public:
  Encoder(std::int64_t in, const std::vector<std::int64_t>& channels)
      : blocks_(add<nn::ModuleList<nn::ResBlock>>("blocks")), se_(add<nn::ModuleList<SqueezeExcite>>("se")) {
    for (std::int64_t out : channels) {
      blocks_.push(2, in, out);
      se_.push(out);
      in = out;
    }
  }

  std::vector<Var> features(const Var& x) {
    std::vector<Var> levels;
    for (std::size_t j = 0; j < blocks_.size(); ++j)
      levels.push_back(se_[j](blocks_[j](j == 0 ? x : max_pool(levels.back()))));
    return levels;
  }

 private:
  nn::ModuleList<nn::ResBlock>& blocks_;
  nn::ModuleList<SqueezeExcite>& se_;
};

// The other half and the head are the library's.
class UNet : public nn::Module {
 public:
  explicit UNet(const std::vector<std::int64_t>& channels)
      : encoder_(add<Encoder>("encoder", 1, channels)),
        decoder_(add<mtl::Decoder>("decoder", 2, mtl::Backbone{channels, 1, {channels.begin(), channels.end() - 1}})),
        head_(add<nn::Conv2d>("head", channels[0], 1, 1)) {}
  Var forward(const Var& x) override { return head_(decoder_.decode(encoder_.features(x))); }

 private:
  Encoder& encoder_;
  mtl::Decoder& decoder_;
  nn::Conv2d& head_;
};

// Squares in noise, and where they are: [n, 32, 32, 1] each.
void draw_squares(std::int64_t n, Tensor* picture, Tensor* answer) {
  Random random(2);
  std::vector<real> x, t;
  for (std::int64_t i = 0; i < n; ++i) {
    const double side = random.uniform(6, 16), left = random.uniform(0, 32 - side), top = random.uniform(0, 32 - side);
    for (int k = 0; k < 32 * 32; ++k) {
      const double column = k % 32 - left, row = k / 32 - top;
      t.push_back(column >= 0 && column < side && row >= 0 && row < side);
      x.push_back(static_cast<real>(t.back() + 0.5 * random.normal()));
    }
  }
  *picture = Tensor::from(x, {n, 32, 32, 1});
  *answer = Tensor::from(t, {n, 32, 32, 1});
}

}  // namespace

int main() {
  SqueezeExcite layer(8);
  layer.initialize(1);
  Random random(3);
  std::vector<real> values(2 * 3 * 3 * 8);
  for (real& value : values) value = static_cast<real>(random.normal());
  check_gradients("squeeze_excite", [&](const std::vector<Var>& x) { return layer(x[0]); },
                  {Tensor::from(values, {2, 3, 3, 8})});

  Tensor picture, answer;
  draw_squares(16, &picture, &answer);
  UNet net({8, 16, 32});
  net.initialize(0);
  nn::Adam adam(net);
  for (int step = 0; step <= 40; ++step) {
    const Var y = net(picture);
    const Var loss = bce_with_logits(y, answer) + dice_loss(sigmoid(y), answer);
    if (step % 10 == 0) fmt::print("step {:2}: loss {:.3f}\n", step, loss.item());
    adam.zero_grad();
    loss.backward();
    adam.step(0.01);
  }
}

// A net that outlines discs in noisy pictures: data, training, a file, and the file read again.
#include "mtl/medusa.h"

using namespace medusa;

int main() {
  // 64 pictures of 16 x 16; what belongs to the disc is the answer.
  Random random(1);
  std::vector<real> picture, disc;
  for (int n = 0; n < 64; ++n) {
    const double x0 = random.uniform(4, 12), y0 = random.uniform(4, 12), r = random.uniform(2, 5);
    for (int i = 0; i < 256; ++i) {
      const bool inside = std::hypot(i % 16 - x0, i / 16 - y0) < r;
      disc.push_back(inside);
      picture.push_back(static_cast<real>(inside + 0.5 * random.normal()));
    }
  }
  const Tensor x = Tensor::from(picture, {64, 16, 16, 1}), target = Tensor::from(disc, {64, 16, 16, 1});

  nn::Sequential net;
  net.push<nn::Conv2d>(1, 8, 5, ConvOptions::same(5));
  net.push<nn::ReLU>();
  net.push<nn::Conv2d>(8, 1, 5, ConvOptions::same(5));
  net.initialize(0);  // the seed

  nn::Adam adam(net);
  for (int step = 0; step <= 100; ++step) {
    const Var loss = bce_with_logits(net(x), target);
    if (step % 20 == 0) fmt::print("step {:3}: loss {:.3f}\n", step, loss.item());
    adam.zero_grad();
    loss.backward();
    adam.step(0.01);  // the learning rate
  }
  nn::save_checkpoint("hello.safetensors", net);  // PyTorch can read it
  nn::load_checkpoint("hello.safetensors", net);
}

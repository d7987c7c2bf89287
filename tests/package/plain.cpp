// A program that is compiled with none of the library's flags: what it calls works.  tests/examples_test.sh builds it.
#include "mtl/medusa.h"
#include "tensor/isa.h"
#include "tensor/kernels.h"

using namespace medusa;

int main() {
  for (Isa set : {Isa::Base, Isa::Avx2, Isa::Avx512}) {
    if (!set_isa(set)) continue;
    Tensor x = Tensor::empty({3});
    kernels::fill(Device::CPU, x.mutable_data(), 2, 3);
    const Var leaf(x, true);
    sum(square(leaf)).backward();
    MEDUSA_CHECK(leaf.grad().at(2) == 4, "{}: gradient {}", name(set), leaf.grad().at(2));
    fmt::print("{} works\n", name(set));
  }
}

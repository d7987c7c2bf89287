// Tensor: shapes, sharing, copies, versions, errors.
#include "tensor/tensor.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "tensor/isa.h"

using namespace medusa;

TEST_CASE("shape: sizes, negative axes, text") {
  const Shape s{2, 3, 5};
  CHECK(s.rank() == 3);
  CHECK(s.numel() == 30);
  CHECK(s[0] == 2);
  CHECK(s[-1] == 5);
  CHECK(to_string(s) == "[2, 3, 5]");
  CHECK(fmt::format("{}", Shape{}) == "[]");
  CHECK(Shape{}.numel() == 1);
  CHECK(Shape{4, 0, 7}.numel() == 0);
  CHECK(s == Shape(std::vector<std::int64_t>{2, 3, 5}));
  CHECK_FALSE(s == Shape{2, 3});
  CHECK_FALSE(s == Shape{2, 3, 6});
}

// Run by tests/run.sh with every set: where this build or machine lacks one, this is the case that says so.
TEST_CASE("isa: the one that was asked for") {
  const char* wanted = std::getenv("MEDUSA_SIMD");
  const Isa now = isa();
  if (wanted != nullptr && *wanted != '\0') CHECK(std::string(name(now)) == wanted);
  for (Isa set : {Isa::Base, Isa::Avx2, Isa::Avx512})
    if (set_isa(set)) CHECK(isa() == set);
  CHECK(set_isa(now));
}

TEST_CASE("shape: errors") {
  const Shape s{2, 3};
  CHECK_THROWS_WITH_AS((void)s[2], "shape: axis 2 of a shape of rank 2", Error);
  CHECK_THROWS_WITH_AS((void)s[-3], "shape: axis -3 of a shape of rank 2", Error);
  CHECK_THROWS_WITH_AS((Shape{2, -1}), "shape: axis 1 has negative size -1", Error);
  CHECK_THROWS_WITH_AS((Shape{1, 1, 1, 1, 1, 1, 1}), "shape: more than 6 axes", Error);
}

TEST_CASE("shape: the number of elements cannot overflow") {
  const std::int64_t big = std::int64_t{1} << 40;
  CHECK_THROWS_WITH_AS((void)(Shape{big, big}.numel()),
                       "shape: [1099511627776, 1099511627776] has more elements than memory could hold", Error);
  CHECK_THROWS_AS((void)(Shape{big, big, 0}.numel()), Error);
  CHECK_THROWS_AS((void)(Shape{0, INT64_MAX, INT64_MAX}.numel()), Error);
  CHECK_THROWS_AS((void)(Shape{INT64_MAX}.numel()), Error);
  CHECK(Shape{big, 1, 0}.numel() == 0);
  CHECK(Shape{big, 2}.numel() == 2 * big);
}

TEST_CASE("tensor: making and reading") {
  CHECK(Tensor::zeros({2, 2}).to_vector() == std::vector<real>{0, 0, 0, 0});
  CHECK(Tensor::ones({3}).to_vector() == std::vector<real>{1, 1, 1});
  CHECK(Tensor::full({2}, 7).to_vector() == std::vector<real>{7, 7});
  CHECK(Tensor::scalar(4).item() == 4);
  CHECK(Tensor::full({}, 3).item() == 3);
  const Tensor t = Tensor::from({1, 2, 3, 4, 5, 6}, {2, 3});
  CHECK(t.at(4) == 5);
  CHECK(t.size(-1) == 3);
  CHECK(t.numel() == 6);
  CHECK(t.bytes() == 6 * static_cast<std::int64_t>(sizeof(real)));
  CHECK(Tensor::empty({0, 3}).to_vector().empty());
  CHECK(reinterpret_cast<std::uintptr_t>(t.data()) % 64 == 0);
}

TEST_CASE("tensor: the empty handle") {
  Tensor none;
  CHECK_FALSE(static_cast<bool>(none));
  CHECK(none.numel() == 0);
  CHECK(none.data() == nullptr);
  CHECK(none.mutable_data() == nullptr);
  CHECK_FALSE(static_cast<bool>(none.clone()));
  CHECK_FALSE(none.shares_memory_with(none));
  CHECK(none.to_vector().empty());
  CHECK(static_cast<bool>(Tensor::empty({0})));  // a tensor without elements is a tensor
}

TEST_CASE("tensor: handles share, clones do not") {
  Tensor a = Tensor::from({1, 2, 3, 4}, {4});
  Tensor b = a, c = a.reshape({2, 2}), d = a.clone();
  CHECK(a.shares_memory_with(b));
  CHECK(a.shares_memory_with(c));
  CHECK_FALSE(a.shares_memory_with(d));
  c.mutable_data()[3] = 9;
  CHECK(b.at(3) == 9);
  CHECK(d.at(3) == 4);
  d.copy_from(b);
  CHECK(d.at(3) == 9);
  d.copy_from(d);  // onto itself
  CHECK(d.to_vector() == std::vector<real>{1, 2, 3, 9});
  b.fill(0);
  CHECK(a.to_vector() == std::vector<real>(4, 0));
  CHECK(a.to(Device::CPU).shares_memory_with(a));
}

TEST_CASE("tensor: every write counts as a version, for all handles") {
  Tensor a = Tensor::zeros({3});
  const Tensor view = a.reshape({3, 1});
  const std::uint64_t before = view.storage()->version;
  (void)a.data();
  (void)a.to_vector();
  CHECK(view.storage()->version == before);
  a.mutable_data();
  CHECK(view.storage()->version == before + 1);
  a.fill(1);
  CHECK(view.storage()->version == before + 2);
  a.copy_from(Tensor::ones({3}));
  CHECK(view.storage()->version == before + 3);
}

TEST_CASE("tensor: errors") {
  Tensor t = Tensor::ones({2, 3});
  CHECK_THROWS_WITH_AS(Tensor::from({1, 2}, {3}), "tensor: 2 values for shape [3]", Error);
  CHECK_THROWS_WITH_AS(t.reshape({4}), "reshape: [2, 3] has 6 elements, [4] has 4", Error);
  CHECK_THROWS_WITH_AS(t.item(), "item: needs one element, shape is [2, 3]", Error);
  CHECK_THROWS_AS(Tensor().item(), Error);
  CHECK_THROWS_WITH_AS(t.at(6), "at: index 6 of 6 elements", Error);
  CHECK_THROWS_AS(t.at(-1), Error);
  CHECK_THROWS_WITH_AS(t.copy_from(Tensor::ones({3, 2})), "copy: from [3, 2] to [2, 3]", Error);
}

TEST_CASE("isa: base is always there, names are those of MEDUSA_SIMD") {
  const Isa before = isa();
  CHECK(set_isa(Isa::Base));
  CHECK(isa() == Isa::Base);
  CHECK(set_isa(before));
  CHECK(std::string(name(Isa::Base)) == "base");
  CHECK(std::string(name(Isa::Avx2)) == "avx2");
  CHECK(std::string(name(Isa::Avx512)) == "avx512");
}

// What a run was made of: its record comes back, damage is told, today's data are held against it; and a dataset seen
// through the tasks of a network that was trained on another.
#include "mtl/training/provenance.h"

#include <doctest/doctest.h>

#include "datasets/layouts/registry.h"
#include "mtl/training/matched_dataset.h"
#include "tests/folder_fixture.h"

using namespace medusa;
using namespace medusa::mtl;
using namespace medusa::test;

namespace {

// A dataset of numbers: sample i is called "s<i>".
class Numbers : public datasets::Dataset {
 public:
  std::vector<std::string> ids;
  std::vector<datasets::TargetInfo> infos;
  std::vector<datasets::Target> labels;  // of every sample
  std::int64_t size() const override { return std::ssize(ids); }
  const std::vector<datasets::TargetInfo>& targets() const override { return infos; }
  std::string id(std::int64_t i) const override { return ids[static_cast<std::size_t>(i)]; }
  datasets::Sample get(std::int64_t i) const override { return {id(i), Tensor::ones({2, 2, 1}), labels}; }
  datasets::Sample get_augmented(std::int64_t i, std::uint64_t, std::int64_t) const override { return get(i); }
};

Provenance example() {
  Provenance p;
  p.train = {"a", "b"};
  p.val = {"c"};
  p.targets = {datasets::classification("grade", {"low", "high"}), datasets::regression("dose", 70, "Gy")};
  p.inputs = "size = \"4x4\"\n";
  p.options = {{"lr", "0.002"}, {"arch", "\"hps\""}};
  p.starts = {{"2026-11-28T20:15:00Z", "host", "0.1.0", "1a2b3c4", "float32", "avx2", {"--out", "a b", "\"x\""}}};
  return p;
}

std::vector<real> matched_values(const Numbers& data, const Task& task) {
  return matched(data, {task})->get(0).targets[0].value.to_vector();
}
std::string refusal(const Numbers& data, const Task& task) {
  return input_error([&] { matched(data, {task}); });
}

}  // namespace

TEST_CASE("provenance: comes back from its text; a change of any byte is told") {
  const std::string text = to_json(example());
  const Provenance p = provenance_from_json(text, "x");
  CHECK(p.train == std::vector<std::string>{"a", "b"});
  CHECK(p.test.empty());
  CHECK(p.targets[1].scale == 70);
  CHECK(p.targets[1].unit == "Gy");
  CHECK(p.targets[0].classes == std::vector<std::string>{"low", "high"});
  CHECK(p.options.at("lr") == "0.002");
  CHECK(p.starts == example().starts);
  CHECK(to_json(p) == text);
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    std::string bad = text;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    INFO(i);
    std::string read, error;
    try {
      read = to_json(provenance_from_json(bad, "x"));
    } catch (const InputError& e) {
      error = e.what();
    }
    CHECK((read == text || error.starts_with("x: ")));  // the same where a blank became another
    CHECK_THROWS_AS(provenance_from_json(text.substr(0, i), "x"), InputError);
  }
  std::string newer = text;
  newer.replace(newer.find("\"version\": 1"), 12, "\"version\": 2");
  CHECK(input_error([&] { provenance_from_json(newer, "x"); }) == "x: has version 2, this program reads 1");
}

TEST_CASE("provenance: the run's own parts are found among today's samples") {
  Numbers data;
  data.ids = {"new", "c", "b"};
  const KnownSamples known = known_samples(example(), data);
  CHECK(known.split.train == std::vector<std::int64_t>{2});
  CHECK(known.split.val == std::vector<std::int64_t>{1});
  CHECK(known.gone_train == std::vector<std::string>{"a"});
  CHECK(known.gone_val.empty());
  CHECK(known.added == std::vector<std::string>{"new"});
  Provenance other = example();
  CHECK(sample_changes(other, example()).empty());
  std::swap(other.train[0], other.train[1]);
  CHECK(sample_changes(other, example()) == "in another order");
  other = example();
  other.train[1] = "x";
  other.test = {"c"};
  other.val.clear();
  CHECK(sample_changes(example(), other) == "gone: b; new: x; moved to another part: c");
  other = example();
  CHECK(samples_text(other) == samples_text(example()));
  std::swap(other.train[0], other.val[0]);
  CHECK(samples_text(other) != samples_text(example()));
}

TEST_CASE("matched: classes in another order, amounts in another scale, structures in other channels") {
  Numbers data;
  data.ids = {"s"};
  data.infos = {datasets::classification("grade", {"high", "low", "none"})};
  data.labels = {{Tensor::scalar(0), {}}};
  CHECK(matched_values(data, Task(datasets::classification("grade", {"low", "none", "high"}))) == std::vector<real>{2});
  CHECK(matched_values(data, Task(data.infos[0])) == std::vector<real>{0});

  data.infos = {datasets::segmentation("zones", {"out", "rim", "core"})};
  data.labels = {{Tensor::from({0, 1, 2, 1}, {2, 2, 1}), {}}};
  CHECK(matched_values(data, Task(datasets::segmentation("zones", {"core", "out", "rim"}))) ==
        std::vector<real>{1, 2, 0, 2});

  data.infos = {datasets::structures("organs", {"liver", "lung"})};
  data.labels = {{Tensor::from({1, 0, 0, 1, 1, 1, 0, 0}, {2, 2, 2}), Tensor::from({1, 0}, {1, 1, 2})}};
  const auto organs = matched(data, {Task(datasets::structures("organs", {"lung", "liver"}))});
  CHECK(organs->get(0).targets[0].value.to_vector() == std::vector<real>{0, 1, 1, 0, 1, 1, 0, 0});
  CHECK(organs->get(0).targets[0].mask.to_vector() == std::vector<real>{0, 1});

  data.infos = {datasets::binary("findings", {"a", "b"})};
  data.labels = {{Tensor::from({1, 0}, {2}), {}}};
  CHECK(matched_values(data, Task(datasets::binary("findings", {"b", "a"}))) == std::vector<real>{0, 1});

  data.infos = {datasets::regression("dose", 1, "Gy")};
  data.labels = {{Tensor::from({70, 35, 0, 7}, {2, 2, 1}), {}}};
  const std::vector<real> dose = matched_values(data, Task(datasets::regression("dose", 70, "Gy")));
  CHECK(dose[0] == doctest::Approx(1));
  CHECK(dose[1] == doctest::Approx(0.5));

  // By name, whatever the place; a sample without a label has none.
  data.infos = {datasets::binary("ill", {"ill"}), datasets::regression("dose", 70, "Gy")};
  data.labels = {{}, {Tensor::from({1, 1, 0, 1}, {2, 2, 1}), {}}};
  const auto both = matched(data, {Task(data.infos[1]), Task(data.infos[0])});
  CHECK(both->targets()[0].name == "dose");
  CHECK(both->get(0).targets[0].value.to_vector() == std::vector<real>{1, 1, 0, 1});
  CHECK_FALSE(both->get(0).targets[1].value);
}

TEST_CASE("matched: what the network does not know is refused") {
  Numbers data;
  data.ids = {"s"};
  data.infos = {datasets::classification("grade", {"low", "high"}), datasets::regression("dose", 1, "cGy")};
  CHECK(refusal(data, Task(datasets::binary("ill", {"ill"}))) ==
        "the data have no target ill, which the network was trained on; they have: grade, dose");
  CHECK(refusal(data, Task(datasets::classification("grade", {"low", "middle"}))) ==
        "target grade: the data have a class high, which the network lacks: low, middle");
  CHECK(refusal(data, Task(datasets::classification("grade", {"low", "middle", "high"}))) ==
        "target grade: the data have 2 classes or channels (low, high), the network 3 (low, middle, high)");
  CHECK(refusal(data, Task(datasets::regression("dose", 1, "Gy"))) ==
        "target dose: is in 'cGy' in the data, in 'Gy' in the network");
  CHECK(refusal(data, Task(datasets::structures("grade", {"low", "high"}))) ==
        "target grade: is classification in the data, structures in the network");
}

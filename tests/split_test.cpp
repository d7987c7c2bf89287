// Divisions of a dataset: cross-validation, and those that a file says.
#include "datasets/split.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "tensor/file.h"
#include "tensor/random.h"
#include "tests/data_fixture.h"

namespace medusa::datasets {
namespace {

using test::contains;
using test::input_error;

// Samples in groups of one to four, of five classes, the rarest of one in forty, and a yes or no.
struct Skewed : Dataset {
  std::vector<std::string> groups, parts;
  std::vector<std::vector<real>> kinds, ills;
  std::vector<TargetInfo> infos{classification("kind", {"a", "b", "c", "d", "e"}), binary("ill", {"ill"})};

  explicit Skewed(int count) {
    Random random(7, 1);
    for (int g = 0; static_cast<int>(groups.size()) < count; ++g) {
      const std::int64_t size = 1 + random.below(4);
      const real kind = g % 40 == 5 ? real(4) : g % 10 == 1 ? real(3) : static_cast<real>(g % 3);
      for (std::int64_t i = 0; i < size && static_cast<int>(groups.size()) < count; ++i) {
        groups.push_back("g" + std::to_string(g));
        kinds.push_back({kind});
        ills.push_back(g % 7 == 0 ? std::vector<real>{} : std::vector<real>{random.chance(0.3) ? real(1) : real(0)});
      }
    }
  }
  std::int64_t size() const override { return static_cast<std::int64_t>(groups.size()); }
  const std::vector<TargetInfo>& targets() const override { return infos; }
  std::string id(std::int64_t i) const override { return "s" + std::to_string(i); }
  std::string group(std::int64_t i) const override { return groups[static_cast<std::size_t>(i)]; }
  std::string part(std::int64_t i) const override { return parts.empty() ? "" : parts[static_cast<std::size_t>(i)]; }
  std::optional<std::vector<real>> known_label(std::int64_t i, std::size_t t) const override {
    return (t == 0 ? kinds : ills)[static_cast<std::size_t>(i)];
  }
  Sample get(std::int64_t) const override { return {}; }
  Sample get_augmented(std::int64_t, std::uint64_t, std::int64_t) const override { return {}; }
};

// Every sample is in one part, no group in two.
void check_whole(const Dataset& dataset, const Split& split) {
  std::map<std::string, int> side;
  std::set<std::int64_t> all;
  int number = 0;
  for (const auto* part : {&split.train, &split.val, &split.test}) {
    ++number;
    CHECK(std::is_sorted(part->begin(), part->end()));
    for (std::int64_t i : *part) {
      CHECK(all.insert(i).second);
      CHECK(side.emplace(dataset.group(i), number).first->second == number);
    }
  }
  CHECK(static_cast<std::int64_t>(all.size()) == dataset.size());
}

std::vector<int> kinds_in(const Skewed& dataset, const std::vector<std::int64_t>& part) {
  std::vector<int> counts(5, 0);
  for (std::int64_t i : part) ++counts[static_cast<std::size_t>(dataset.kinds[static_cast<std::size_t>(i)][0])];
  return counts;
}

TEST_CASE("folds: each sample tests once, whole groups, stratified") {
  const Skewed dataset(600);
  std::vector<std::int64_t> all(600);
  for (std::size_t i = 0; i < 600; ++i) all[i] = static_cast<std::int64_t>(i);
  const std::vector<int> total = kinds_in(dataset, all);
  std::multiset<std::int64_t> tested;
  for (std::int64_t fold = 0; fold < 5; ++fold) {
    CAPTURE(fold);
    const Split split = make_fold(dataset, {5, fold, 3}, 0.25);
    check_whole(dataset, split);
    tested.insert(split.test.begin(), split.test.end());
    CHECK(split.test.size() >= 117);
    CHECK(split.test.size() <= 123);
    CHECK(split.val.size() >= 116);  // a quarter of the other 480
    CHECK(split.val.size() <= 124);
    const std::vector<int> test = kinds_in(dataset, split.test), val = kinds_in(dataset, split.val);
    for (std::size_t k = 0; k < 5; ++k) {
      CAPTURE(k);
      CHECK(test[k] > 0);
      CHECK(std::abs(test[k] - total[k] / 5.0) <= 4);  // a group has at most four
      CHECK(std::abs(val[k] - total[k] / 5.0) <= 4);
    }
  }
  CHECK(tested.size() == 600);
  CHECK(std::set<std::int64_t>(tested.begin(), tested.end()).size() == 600);
}

TEST_CASE("folds: a function of their seed and the names of the groups") {
  const Skewed dataset(200);
  const Split split = make_fold(dataset, {4, 1, 0}, 0.2);
  CHECK(make_fold(dataset, {4, 1, 0}, 0.2).test == split.test);
  CHECK(make_fold(dataset, {4, 1, 0}, 0.2).val == split.val);
  CHECK(make_fold(dataset, {4, 1, 1}, 0.2).test != split.test);
  CHECK(make_fold(dataset, {4, 1, 0}, 0.4).test == split.test);
  Skewed turned(200);
  std::reverse(turned.groups.begin(), turned.groups.end());
  std::reverse(turned.kinds.begin(), turned.kinds.end());
  std::reverse(turned.ills.begin(), turned.ills.end());
  std::vector<std::int64_t> same;
  for (std::int64_t i : make_fold(turned, {4, 1, 0}, 0.2).test) same.push_back(199 - i);
  std::reverse(same.begin(), same.end());
  CHECK(same == split.test);
}

TEST_CASE("folds: at least a group in each, and what is refused") {
  const Skewed few(8);
  std::set<std::string> names(few.groups.begin(), few.groups.end());
  const auto groups = static_cast<std::int64_t>(names.size());
  for (std::int64_t fold = 0; fold < groups; ++fold) CHECK_FALSE(make_fold(few, {groups, fold, 0}, 0.01).test.empty());
  CHECK_FALSE(make_fold(few, {groups, 0, 0}, 0.01).val.empty());
  CHECK(make_fold(few, {groups, 0, 0}, 0).val.empty());
  CHECK(contains(input_error([&] { make_fold(few, {groups + 1, 0, 0}, 0.2); }), "the dataset has only"));
  CHECK(contains(input_error([&] { make_fold(few, {1, 0, 0}, 0.2); }), "expected 2 folds or more"));
  CHECK(contains(input_error([&] { make_fold(few, {2, 2, 0}, 0.2); }), "fold 2 of 2"));
  CHECK(contains(input_error([&] { make_fold(few, {2, 0, 0}, 1); }), "validation fraction is 1"));
  CHECK(contains(input_error([&] { make_fold(Skewed(1), {2, 0, 0}, 0); }), "has only 1 groups"));
  Skewed parts(8);
  parts.parts.assign(8, "train");
  CHECK(contains(input_error([&] {
                   make_fold(parts, {2, 0, 0}, 0.2);
                 }),
                 "--folds: the dataset is distributed in parts (s0 is of part train)"));
}

TEST_CASE("split file: by id or group, and every mistake in it") {
  test::TempFolder folder;
  const std::string file = folder / "parts.csv";
  Skewed dataset(4);
  dataset.groups = {"x", "x", "y", "z"};
  const auto read = [&](const std::string& text) {
    write_file(file, text);
    return read_split(dataset, file);
  };
  const auto error = [&](const std::string& text) {
    std::string what = input_error([&] { read(text); });
    return what.substr(0, file.size()) == file ? what.substr(file.size()) : what;
  };
  const Split split = read("id,part\ns3,test\ns1,train\ns0,train\ns2,val\n");
  CHECK(split.train == std::vector<std::int64_t>{0, 1});
  CHECK(split.val == std::vector<std::int64_t>{2});
  CHECK(split.test == std::vector<std::int64_t>{3});
  const Split by_group = read("part;group\ntrain;x\nvalidation;y\ntest;z\n");
  CHECK(by_group.train == split.train);
  CHECK(by_group.test == split.test);
  CHECK(read(split_text({"s0", "s1"}, {"s2"}, {"s3"})).val == split.val);
  CHECK(read("id,part\ns0,train\ns1,train\ns2,val\ns3,val\n").test.empty());

  const std::string good = "id,part\ns0,train\ns1,train\ns2,val\n";
  CHECK(error(good + "s4,test\n") == ":5: id 's4' is none of the dataset's");
  CHECK(error(good + "s0,test\n") == ":5: id 's0' is there twice, first in line 2");
  CHECK(error(good) == ": 1 of the dataset's 4 samples are in no row: s3");
  CHECK(error(good + "s3,tset\n") == ":5: part 'tset', expected train, val or test");
  CHECK(error("id,part\ns2,val\ns0,train\ns3,test\ns1,val\n") ==
        ":5: group 'x' is torn apart: val here, train in line 3");
  CHECK(error("id,part\ns1,val\ns0,train\ns3,test\ns2,val\n") ==
        ":3: group 'x' is torn apart: train here, val in line 2");
  CHECK(error("id,group,part\ns0,x,train\ns1,x,train\ns2,q,val\ns3,z,test\n") == ":4: s2 is of group 'y', not 'q'");
  CHECK(error("id,part\ns0,val\ns1,val\ns2,test\ns3,test\n") == ":1: no sample is in part train");
  CHECK(error("id,part\ns0,train\ns1,train\ns2,test\ns3,test\n") == ":1: no sample is in part val");
  CHECK(contains(error("name,part\ns0,train\n"), ":1: has no column id or group"));
  CHECK(contains(error("id,fold\ns0,1\n"), "part"));
  dataset.parts.assign(4, "train");
  CHECK(contains(error(good + "s3,test\n"), "distributed in parts"));
}

}  // namespace
}  // namespace medusa::datasets

// The plan of a comparison: rows and runs of --sweep and --tune.
#include <doctest/doctest.h>

#include "tests/message.h"
#include "tools/compare/plan.h"
#include "tools/compare/tuning.h"

namespace medusa::tools {

namespace {

CompareCommand command_of(const std::string& sweep, const std::string& tune) {
  CompareCommand command;
  command.run.data = "data";
  command.out = "out";
  command.archs = {"stl", "hps", "ctan"};
  command.seeds = {3, 4};
  command.sweep = sweep;
  command.tune = tune;
  return command;
}

std::vector<std::string> names(const std::vector<Variant>& rows) {
  std::vector<std::string> names;
  for (const Variant& row : rows) names.push_back(row.name);
  return names;
}

std::vector<std::string> names(const std::vector<PlannedRun>& runs) {
  std::vector<std::string> names;
  for (const PlannedRun& run : runs) names.push_back(run.name);
  return names;
}

using Names = std::vector<std::string>;

// Twenty samples of the classes a and b, one of c, none of d.
struct Classes : datasets::Dataset {
  std::vector<datasets::TargetInfo> kinds{datasets::classification("kind", {"a", "b", "c", "d"})};
  const std::vector<datasets::TargetInfo>& targets() const override { return kinds; }
  std::int64_t size() const override { return 21; }
  std::string id(std::int64_t i) const override { return "s" + std::to_string(i); }
  std::optional<std::vector<real>> known_label(std::int64_t i, std::size_t) const override {
    return std::vector<real>{static_cast<real>(i == 20 ? 2 : i % 2)};
  }
  datasets::Sample get(std::int64_t) const override { return {}; }
  datasets::Sample get_augmented(std::int64_t, std::uint64_t, std::int64_t) const override { return {}; }
};

}  // namespace

TEST_CASE("compare plan: --sweep gives rows, each against STL with the same value") {
  const std::vector<Variant> rows = plan_rows(command_of("lr=1e-3,2e-3", ""));
  CHECK(names(rows) ==
        Names{"stl lr=1e-3", "stl lr=2e-3", "hps lr=1e-3", "hps lr=2e-3", "ctan lr=1e-3", "ctan lr=2e-3"});
  CHECK(rows[0].baseline == -1);
  CHECK(rows[3].baseline == 1);
  CHECK(names(plan_rows(command_of("ctan-parts=both,encoder", ""))) ==
        Names{"stl", "hps", "ctan parts=both", "ctan parts=encoder"});
  CHECK(tuning_runs(command_of("lr=1e-3,2e-3", ""), rows).empty());
}

TEST_CASE("compare plan: --tune trains each value with the first seed and fold, where the option matters") {
  CompareCommand command = command_of("", "uw-lr=1e-3,2e-3");
  command.run.balancing.name = "uw";
  command.run.fold.folds = 2;
  const std::vector<Variant> candidates = plan_rows(command);
  CHECK(names(candidates) == Names{"stl", "hps uw-lr=1e-3", "hps uw-lr=2e-3", "ctan uw-lr=1e-3", "ctan uw-lr=2e-3"});
  CHECK(names(tuning_runs(command, candidates)) == Names{"hps-uw-lr-1e-3-3-fold0", "hps-uw-lr-2e-3-3-fold0",
                                                         "ctan-uw-lr-1e-3-3-fold0", "ctan-uw-lr-2e-3-3-fold0"});
  std::vector<JudgedTask> tasks;
  const std::vector<Variant> rows = choose_rows(command, candidates, {}, &tasks);
  CHECK(names(rows) == Names{"stl", "hps", "ctan"});
  CHECK(rows[0].decided);
  CHECK(!rows[1].decided);
  REQUIRE(rows[1].runs.size() == 2);
  CHECK(rows[1].runs[1].name == "hps-uw-lr-2e-3-3-fold0");
  CHECK(rows[1].runs[1].failure == "has not begun");
  CHECK(rows[2].baseline == 0);
  CHECK(names(plan_runs(command, rows)) == Names{"stl-3-fold0", "stl-3-fold1", "stl-4-fold0", "stl-4-fold1"});
}

TEST_CASE("compare plan: --sweep and --tune cross") {
  const std::vector<Variant> rows = plan_rows(command_of("ctan-parts=both,encoder", "lr=1e-3,2e-3"));
  CHECK(names(rows) == Names{"stl lr=1e-3", "stl lr=2e-3", "hps lr=1e-3", "hps lr=2e-3", "ctan parts=both lr=1e-3",
                             "ctan parts=both lr=2e-3", "ctan parts=encoder lr=1e-3", "ctan parts=encoder lr=2e-3"});
  CHECK(rows[7].row == "ctan parts=encoder");
  CHECK(options_of(command_of("", ""), rows[7], {}).schedule.lr == 2e-3);
  std::vector<JudgedTask> tasks;
  const CompareCommand command = command_of("ctan-parts=both,encoder", "lr=1e-3,2e-3");
  CHECK(names(choose_rows(command, rows, {}, &tasks)) == Names{"stl", "hps", "ctan parts=both", "ctan parts=encoder"});
  CHECK(test::message_of([&] { plan_rows(command_of("lr=1,2", "lr=3,4")); }) ==
        "--tune lr=3,4: --sweep has 'lr' too; a row for each value, or one row with the best of them");
}

TEST_CASE("compare plan: fixed weights as a sweep leave STL without any") {
  CompareCommand command = command_of("task-weights=1,1;3,1", "");
  command.run.balancing.name = "fixed";
  const std::vector<Variant> rows = plan_rows(command);
  CHECK(names(rows) ==
        Names{"stl", "hps task-weights=1,1", "hps task-weights=3,1", "ctan task-weights=1,1", "ctan task-weights=3,1"});
  CHECK(options_of(command, rows[0], {}).balancing.name == "equal");
  CHECK(options_of(command, rows[2], {}).balancing.name == "fixed");
  command.run.balancing.own["task-weights"] = mtl::Vector{1, 2};  // given to all: STL's runs have them too
  CHECK(options_of(command, rows[0], {}).balancing.name == "fixed");
}

TEST_CASE("compare plan: what every split lacks is said once, what one lacks with its name") {
  CompareCommand command = command_of("", "");
  command.run.fold.folds = 3;
  const Names notes = split_notes(command, plan_rows(command)[0], Classes());
  REQUIRE(!notes.empty());
  CHECK(notes[0] == "kind: no sample is of class d");
  std::size_t about_c = 0;  // its one sample tests in one fold, so that nothing of it is left to train
  for (std::size_t i = 1; i < notes.size(); ++i) {
    CHECK(notes[i].ends_with(" sample is of class c"));
    about_c += notes[i].starts_with("fold ");
  }
  CHECK(about_c >= 3);
}

}  // namespace medusa::tools

// The training state of a checkpoint: what is refused before anything is computed from it.
#include "mtl/training/train_state.h"

#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "tensor/check.h"

using namespace medusa;
using namespace medusa::mtl;

namespace {

using State = std::map<std::string, std::vector<double>>;

// Two tasks in one group, after one epoch of four steps and two more.
TrainState good() {
  TrainState s;
  s.data = "8 + 2 + 2 samples";
  s.epoch = 1;
  s.batch = 2;
  s.step = 6;
  s.loss = s.task_weight = s.shared_norm = Means(2);
  s.cosine = Means(4);
  s.images = 8;
  s.groups = {{1, 0.5, 0, false, 6}};
  s.epoch_losses = {{0.5, std::nan("")}};
  s.balancer = {{"w", {1, 1}}, {"first", {0.5, std::nan("")}}};
  return s;
}
const State kBalancer{{"w", {1, 1}}, {"first", {}}};

template <class Change>
std::string refusal(const Change& change) {
  TrainState s = good();
  change(s);
  try {
    check(s, 2, 1, kBalancer, "x");
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("train state: comes back from its text, to the last bit") {
  CHECK(refusal([](TrainState&) {}).empty());
  TrainState s = good();
  s.groups[0].best = 0.1 + 0.2;
  CHECK(to_json(train_state_from_json(to_json(s))) == to_json(s));
  CHECK(train_state_from_json(to_json(s)).groups[0].best == 0.1 + 0.2);
}

TEST_CASE("train state: a number that is not whole, or too large, is not one of steps or of the random stream") {
  const std::string text = to_json(good());
  for (const auto& [is, wrong] : {std::pair{"\"stream\":0", "\"stream\":2e52"},
                                  {"\"seed\":0", "\"seed\":-1"},
                                  {"\"step\":6", "\"step\":6.5"},
                                  {"\"step\":6", "\"step\":18446744073709551615"}}) {
    std::string changed = text;
    REQUIRE(changed.find(is) != std::string::npos);
    changed.replace(changed.find(is), std::string(is).size(), wrong);
    CHECK_THROWS_AS(train_state_from_json(changed, "x"), nlohmann::json::exception);
  }
}

TEST_CASE("train state: every length and range is checked") {
  const double nan = std::nan(""), inf = INFINITY;
  CHECK(refusal([](TrainState& s) { s.loss.sum.pop_back(); }) ==
        "x: its training state has 1 and 2 sums of loss, expected 2");
  CHECK_FALSE(refusal([](TrainState& s) { s.cosine.count.clear(); }).empty());
  CHECK_FALSE(refusal([](TrainState& s) { s.task_weight = Means(3); }).empty());
  CHECK_FALSE(refusal([&](TrainState& s) { s.shared_norm.sum[1] = nan; }).empty());
  CHECK_FALSE(refusal([](TrainState& s) { s.loss.count[0] = -1; }).empty());
  CHECK_FALSE(refusal([&](TrainState& s) { s.norm_max = inf; }).empty());
  CHECK_FALSE(refusal([](TrainState& s) { s.seconds = -1; }).empty());
  CHECK_FALSE(refusal([](TrainState& s) { s.groups.clear(); }).empty());
  CHECK_FALSE(refusal([](TrainState& s) { s.groups[0].best_epoch = 2; }).empty());
  CHECK_FALSE(refusal([](TrainState& s) { s.groups[0].waited = 9; }).empty());
  CHECK_FALSE(refusal([](TrainState& s) { s.groups[0].optimizer_steps = 7; }).empty());
  CHECK_FALSE(refusal([&](TrainState& s) { s.groups[0].best = nan; }).empty());
  CHECK_FALSE(refusal([](TrainState& s) { s.batch = 7; }).empty());
  CHECK_FALSE(refusal([](TrainState& s) { s.epoch = 2; }).empty());
  CHECK(refusal([](TrainState& s) { s.epoch_losses[0] = {1}; }) ==
        "x: its training state has losses of 1 tasks, expected 2");
}

TEST_CASE("train state: the balancing method's numbers are those of its method") {
  CHECK(refusal([](TrainState& s) { s.balancer.erase("w"); }) ==
        "x: its training state lacks w of its balancing method");
  CHECK(refusal([](TrainState& s) { s.balancer["xi"] = {}; }) ==
        "x: its training state has xi, which is not of its balancing method");
  CHECK(refusal([](TrainState& s) { s.balancer["w"] = {1}; }) ==
        "x: its training state has 1 numbers of w, expected 2");
  CHECK(refusal([](TrainState& s) { s.balancer["first"] = {1}; }) ==
        "x: its training state has 1 numbers of first, expected 2");
  CHECK(refusal([](TrainState& s) { s.balancer["first"] = {}; }).empty());
  CHECK_FALSE(refusal([](TrainState& s) { s.balancer["w"][1] = std::nan(""); }).empty());
}

TEST_CASE("train state: counts are whole numbers") {
  const std::string text = to_json(good());
  for (const char* bad : {"1.5", "-1", "\"1\"", "null", "1e3"}) {
    INFO(bad);
    std::string changed = text;
    changed.replace(changed.find("\"epoch\":1") + 8, 1, bad);
    CHECK_THROWS(train_state_from_json(changed));
  }
}

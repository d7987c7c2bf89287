#include "tools/replay/balancing.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "mtl/balancing/balancer.h"
#include "nn/json.h"
#include "tensor/check.h"
#include "tensor/file.h"
#include "tools/cli/run_options.h"

namespace medusa::tools {

namespace {

using Json = nlohmann::json;
using mtl::Vector;

Vector numbers(const Json& json, std::size_t count, const std::string& what) {
  MEDUSA_CHECK_INPUT(json.is_array() && json.size() == count, "{}: expected {} numbers", what, count);
  Vector values;
  for (const Json& value : json) values.push_back(value.is_null() ? std::nan("") : value.get<double>());
  return values;
}

OptionValue option_value(const Json& json) {
  if (json.is_array()) return json.get<std::vector<double>>();
  if (json.is_number_integer()) return json.get<std::int64_t>();
  return json.get<double>();
}

mtl::BalanceOptions options_of(const Json& line) {
  mtl::BalanceOptions options;
  options.name = line.at("method").get<std::string>();
  if (line.contains("seed")) options.seed = nn::whole_number_at<std::uint64_t>(line, "seed");
  check_one_of("method", options.name, mtl::balancing_methods());
  const std::vector<std::string> known = mtl::balancing_options(options.name);
  const Json given_options = line.value("options", Json::object());
  for (const auto& [given, value] : given_options.items()) {
    const std::string& name = given;
    const auto same = [&](const std::string& option) {
      return option == name || option.substr(option.find('-') + 1) == name;
    };
    const auto found = std::find_if(known.begin(), known.end(), same);
    MEDUSA_CHECK_INPUT(found != known.end(), "method {} has no option {}; it has: {}", options.name, name,
                       fmt::join(known, ", "));
    options.own[*found] = option_value(value);
  }
  return options;
}

Json weights_of(const Json& line) {
  const auto tasks = nn::whole_number_at<std::size_t>(line, "tasks");
  const auto balancer = mtl::make_balancer(options_of(line), tasks);
  const double lr = line.value("learning_rate", RunOptions().schedule.lr);
  std::vector<Vector> epochs;
  for (const Json& epoch : line.value("epochs", Json::array())) epochs.push_back(numbers(epoch, tasks, "epochs"));
  balancer->start_epoch(epochs);
  Json weights = Json::array();
  for (const Json& step : line.at("steps")) {
    mtl::BalanceInput input{Vector(tasks, 0.0), {}, std::ssize(weights), lr};
    if (balancer->needs_losses() || step.contains("losses")) input.losses = numbers(step.at("losses"), tasks, "losses");
    if (balancer->needs_gradients()) input.gram = numbers(step.at("gram"), tasks * tasks, "gram");
    weights.push_back(balancer->weights(input));
    if (balancer->needs_losses_after()) balancer->after_step(numbers(step.at("losses_after"), tasks, "losses_after"));
  }
  return weights;
}

}  // namespace

void replay_balancing(const std::string& in, const std::string& out) {
  std::istringstream lines(read_text_file(in));
  std::string text, results;
  int number = 0;
  while (std::getline(lines, text)) {
    ++number;
    if (text.empty()) continue;
    try {
      results += weights_of(nn::parse_json<Json>(text, "the line")).dump() + '\n';
    } catch (const Json::exception& error) {
      fail_input("{}:{}: {}", in, number, error.what());
    } catch (const InputError& error) {
      fail_input("{}:{}: {}", in, number, error.what());
    }
  }
  write_file(out, results);
}

}  // namespace medusa::tools

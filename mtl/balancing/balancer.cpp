#include "mtl/balancing/balancer.h"

#include <algorithm>

#include "mtl/balancing/by_directions.h"
#include "mtl/balancing/by_gradients.h"
#include "mtl/balancing/by_losses.h"
#include "tensor/check.h"

namespace medusa::mtl {

namespace {

// `declare` adds the rows of the method's own options, bound to `values`; missing values get their defaults.
struct Method {
  const char* name;
  std::unique_ptr<Balancer> (*make)(const BalanceOptions& options, std::size_t tasks);
  void (*declare)(Options& rows, OptionValues& values);
};

void no_options(Options&, OptionValues&) {}

// The options of method B, from the values of all methods.
template <class B>
typename B::Options options_of(const BalanceOptions& all) {
  typename B::Options options;
  Options rows;
  options.declare(rows);
  for (Option& row : rows.rows())
    if (const auto value = all.own.find(row.name); value != all.own.end()) row.set(value->second);
  rows.check(fmt::format("balancing {}: ", all.name));
  return options;
}

template <class B>
Method method(const char* name) {
  if constexpr (requires { typename B::Options; }) {
    const auto make = [](const BalanceOptions& options, std::size_t tasks) -> std::unique_ptr<Balancer> {
      return std::make_unique<B>(tasks, options_of<B>(options));
    };
    return {name, make, declare_values<typename B::Options>};
  } else {
    const auto make = [](const BalanceOptions&, std::size_t tasks) -> std::unique_ptr<Balancer> {
      return std::make_unique<B>(tasks);
    };
    return {name, make, no_options};
  }
}

// A new method is one more line here.
const std::vector<Method>& table() {
  const auto equal = [](const BalanceOptions&, std::size_t tasks) -> std::unique_ptr<Balancer> {
    return std::make_unique<FixedWeights>(tasks, FixedWeights::Options{Vector(tasks, 1.0)});
  };
  const auto pcgrad = [](const BalanceOptions& options, std::size_t tasks) -> std::unique_ptr<Balancer> {
    return std::make_unique<PcGrad>(tasks, options.seed);
  };
  const auto rlw = [](const BalanceOptions& options, std::size_t tasks) -> std::unique_ptr<Balancer> {
    return std::make_unique<RandomLossWeights>(tasks, options.seed);
  };
  static const std::vector<Method> methods{{"equal", equal, no_options},
                                           method<FixedWeights>("fixed"),
                                           {"rlw", rlw, no_options},
                                           method<ScaleInvariant>("scaleinvariant"),
                                           method<GeometricLoss>("gls"),
                                           method<DynamicWeightAverage>("dwa"),
                                           method<UncertaintyWeighting>("uw"),
                                           method<Famo>("famo"),
                                           method<SmoothTchebycheff>("stch"),
                                           method<GradNorm>("gradnorm"),
                                           method<DbMtl>("dbmtl"),
                                           {"pcgrad", pcgrad, no_options},
                                           method<Mgda>("mgda"),
                                           method<CaGrad>("cagrad"),
                                           method<Imtl>("imtl"),
                                           method<NashMtl>("nashmtl"),
                                           method<FairGrad>("fairgrad"),
                                           method<AlignedMtl>("alignedmtl"),
                                           method<UpGrad>("upgrad")};
  return methods;
}

}  // namespace

std::vector<std::string> balancing_methods() {
  std::vector<std::string> names;
  for (const Method& method : table()) names.emplace_back(method.name);
  return names;
}

std::vector<std::string> balancing_options(const std::string& name) {
  for (const Method& method : table()) {
    if (name != method.name) continue;
    OptionValues defaults;
    Options rows;
    method.declare(rows, defaults);
    return rows.names();
  }
  return {};
}

void BalanceOptions::declare(Options& o) {
  o.group("Balancing of the tasks", "balancing");
  o.add("balancing", name, "how the tasks are weighed against each other").one_of(balancing_methods());
  std::vector<Option> all;
  std::vector<std::string> methods;          // for each row, the methods that have it
  std::map<std::string, std::string> first;  // of each option, default and range where it is first declared
  for (const Method& method : table()) {
    Options rows, fresh;
    OptionValues defaults;
    method.declare(rows, own);
    method.declare(fresh, defaults);
    for (const Option& row : rows.rows()) {
      const std::string is = fmt::format("{} {}", toml_text(defaults.at(row.name)), row.range_text());
      const std::string& was = first.try_emplace(row.name, is).first->second;
      MEDUSA_CHECK(is == was, "balancing {}: its option {} ({}) is another method's with another default or range ({})",
                   method.name, row.name, is, was);
      const auto same = [&](const Option& other) { return other.name == row.name; };
      const auto at = std::find_if(all.begin(), all.end(), same) - all.begin();
      if (at < std::ssize(all)) {
        methods[static_cast<std::size_t>(at)] += fmt::format(", {}", method.name);
        continue;
      }
      all.push_back(row);
      methods.emplace_back(method.name);
    }
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].help = fmt::format("balancing {}: {}", methods[i], all[i].help);
    o.add(all[i]);
  }
}

void BalanceOptions::check(const std::string& prefix) const {
  check_one_of(prefix + "balancing", name, balancing_methods());
  BalanceOptions all = *this;
  Options known;
  all.declare(known);
  known.assign(own, prefix);
  known.check(prefix);
  for (const Method& method : table()) {
    OptionValues defaults;
    Options rows;
    method.declare(rows, defaults);
    for (const Option& row : rows.rows()) {
      if (!toml_text(row.value()).empty()) continue;
      const bool given = !toml_text(all.own.at(row.name)).empty(), chosen = name == method.name;
      MEDUSA_CHECK_INPUT(given || !chosen, "{}balancing {}: {}{} is missing", prefix, name, prefix, row.name);
      MEDUSA_CHECK_INPUT(!given || chosen, "{}{}: only with {}balancing {}", prefix, row.name, prefix, method.name);
    }
  }
}

std::unique_ptr<Balancer> make_balancer(const BalanceOptions& o, std::size_t tasks) {
  MEDUSA_CHECK_INPUT(tasks > 0, "balancing: no tasks");
  o.check();
  for (const Method& method : table())
    if (o.name == method.name) return method.make(o, tasks);
  fail("balancing '{}' is not in its table", o.name);
}

}  // namespace medusa::mtl

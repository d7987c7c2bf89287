// Options: the settings of a struct, declared beside its own code, a row each: name, value, what it may be, help.
//
//   struct Wave {
//     double height = 0.5;
//     std::string shape = "sine";
//     void declare(Options& o) {
//       o.add("height", height, "metres above the mean").at_least(0);
//       o.add("shape", shape, "of one period").one_of({"sine", "square"});
//     }
//   };
//
// Command line, config files, model files, help texts and checks are derived from the rows.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "tensor/check.h"

namespace medusa {

template <class... T>
struct OptionTypes {
  using Value = std::variant<T...>;
  using Place = std::variant<T*...>;
};
using AllOptionTypes = OptionTypes<bool, int, std::int64_t, std::uint64_t, double, std::string,
                                   std::vector<std::int64_t>, std::vector<double>, std::vector<std::string>>;
// Values without their struct, by the options' names: what is handed on by code that does not know the struct.
using OptionValue = AllOptionTypes::Value;
using OptionValues = std::map<std::string, OptionValue>;

// A value as config.toml has it, such that reading it gives the same value to the last bit; an empty list is "".
std::string toml_text(const OptionValue& value);
// The reverse for a text: without its quotes, with what its escapes stand for ('...' has none).  Anything without
// quotes stays as it is, and so does an escape that TOML does not know.
std::string text_of_toml(std::string_view value);

// What is said of an option, without its value.
struct OptionRow {
  // What another value does to a run that was begun: everything else | the run ends elsewhere | nothing, it computes
  // the same.
  enum class Effect { Result, End, Nothing };

  std::string name, help;
  std::string group;  // heading in a list of options
  std::string owner;  // the architecture that alone has it, "balancing", or "": every run has it
  Effect effect = Effect::Result;
  bool shared = false;               // says what is learned and judged: the same in all runs that are compared
  std::vector<std::string> choices;  // empty: anything
  // Numbers, each one of a list: from `least` to `most`, without the bound itself where that is open.
  double least = -std::numeric_limits<double>::infinity(), most = std::numeric_limits<double>::infinity();
  bool open_least = false, open_most = false;
  std::size_t most_values = 0;  // of a list; 0: any number

  // "0 or more, below 1"; "" where there is no bound.
  std::string range_text() const;
};

class Option : public OptionRow {
 public:
  using Place = AllOptionTypes::Place;
  Option(std::string option, Place at, std::string about) : place(at) {
    name = std::move(option);
    help = std::move(about);
  }

  Option& one_of(std::vector<std::string> names, bool in_help = true);  // in_help: `help` ends with the names
  Option& range(double from, double to);                                // both included
  Option& at_least(double from);
  Option& above(double bound);
  Option& from_to_below(double from, double bound);
  Option& at_most_values(std::size_t count);
  Option& no_effect();     // Effect::Nothing
  Option& only_the_end();  // Effect::End
  Option& same_for_all();  // shared

  OptionValue value() const;
  // Throws InputError where the value is of another type.  Whole numbers are numbers, an empty list is of every type.
  void set(const OptionValue& value, const std::string& prefix = "");
  // Throws InputError "<prefix><name> <value>: expected ..." where the value breaks a rule of the row.
  void check(const std::string& prefix = "") const;

  Place place;
};

// The rows of one or several structs.  They point into the structs, which must live on and stay where they are.
class Options {
 public:
  template <class T>
  Option& add(const std::string& name, T& value, const std::string& help) {
    return add(Option(name, &value, help));
  }
  // Throws Error where there is an option of that name already.
  Option& add(Option option);
  // The heading and the owner (see OptionRow) of the options added from now on.
  void group(const std::string& heading, const std::string& owner = "");
  // Stands before the names of the options added from now on: "ctan-".
  void prefix(const std::string& text) { prefix_ = text; }

  const std::vector<Option>& rows() const { return rows_; }
  std::vector<Option>& rows() { return rows_; }
  Option* find(const std::string& name);  // null: there is none
  std::vector<std::string> names() const;

  OptionValues values() const;
  // Sets those that `values` has.  Throws InputError where it has an unknown one (lists the names) or one of another
  // type; `prefix` stands before the name.
  void assign(const OptionValues& values, const std::string& prefix = "");
  void check(const std::string& prefix = "") const;

 private:
  std::vector<Option> rows_;
  std::string group_, owner_, prefix_;
};

// The settings of a struct as values, and a struct from values; what these lack keeps its default.
template <class T>
OptionValues option_values(T settings) {
  Options rows;
  settings.declare(rows);
  return rows.values();
}
template <class T>
T read_options(const OptionValues& values, const std::string& prefix = "") {
  T settings;
  Options rows;
  settings.declare(rows);
  rows.assign(values, prefix);
  rows.check(prefix);
  return settings;
}

// Adds the rows of T to `to`, bound to `values`, which gets the default of each that it lacks.
template <class T>
void declare_values(Options& to, OptionValues& values) {
  T defaults;
  Options rows;
  defaults.declare(rows);
  for (Option row : rows.rows()) {
    OptionValue& value = values.try_emplace(row.name, row.value()).first->second;
    row.place = std::visit([](auto& v) -> Option::Place { return &v; }, value);
    to.add(std::move(row));
  }
}

// Throws InputError where a setting is out of range.
template <class T>
void check_options(T settings, const std::string& prefix = "") {
  Options rows;
  settings.declare(rows);
  rows.check(prefix);
}

}  // namespace medusa

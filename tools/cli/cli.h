// The command line of a program: named options with their help, checked and filled into variables.  CLI11 does the work
// behind this header: a file that includes CLI11's headers takes ten seconds longer to compile.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tensor/options.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace medusa::tools {

// An option that was added, to refine it.
class CommandOption {
 public:
  explicit CommandOption(CLI::Option* option) : option_(option) {}
  CommandOption& required();
  CommandOption& one_of(const std::vector<std::string>& values);
  CommandOption& range(double least, double most);
  // `rule` gets the text of a value and returns what is wrong with it, "" if nothing is.
  CommandOption& check(const std::function<std::string(const std::string&)>& rule);
  CommandOption& last_counts();     // given several times, the last one counts (else that is an error)
  CommandOption& split_at_comma();  // for a list: "a,b" are two values
  CommandOption& not_in_config();   // neither read from a config file nor written to one

 private:
  CLI::Option* option_;
};

struct HelpShown {};  // thrown after --help was printed

// An option's default in --help is the value that its variable has when the option is added.
class CommandLine {
 public:
  CommandLine(const std::string& about, const std::string& name);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  CommandOption option(const std::string& name, std::string& value, const std::string& help);
  CommandOption option(const std::string& name, bool& value, const std::string& help);
  CommandOption option(const std::string& name, int& value, const std::string& help);
  CommandOption option(const std::string& name, std::int64_t& value, const std::string& help);
  CommandOption option(const std::string& name, std::uint64_t& value,
                       const std::string& help);  // whole and not negative
  CommandOption option(const std::string& name, double& value, const std::string& help);
  CommandOption option(const std::string& name, std::vector<std::string>& value, const std::string& help);
  CommandOption option(const std::string& name, std::vector<std::int64_t>& value, const std::string& help);
  CommandOption option(const std::string& name, std::vector<double>& value, const std::string& help);
  CommandOption flag(const std::string& name, bool& value, const std::string& help);
  // Declared options, "--name" each, under their headings; given several times, the last one counts, and a list is
  // separated by commas.
  void add(const Options& options);
  // The heading under which --help lists the options added from now on.
  void group(const std::string& heading);
  // Adds --config FILE: a file with these options, "name = value" each.
  void config_file(const std::string& help);
  // Text below the options in --help.
  void footer(const std::string& text);
  // A command of its own with options of its own: `program name --options`.
  CommandLine& subcommand(const std::string& name, const std::string& about);

  // Throws InputError with one line; HelpShown after --help was printed.
  void parse(std::vector<std::string> arguments);  // without the program's name
  bool parsed() const;                             // whether this subcommand was asked for
  const std::string& name() const { return name_; }
  // All options as the text of a config file.
  std::string config_text() const;

 private:
  CommandLine(CLI::App* app, const std::string& name);
  std::vector<std::string> option_names() const;  // without "--", those of a chosen subcommand too

  std::string name_;
  std::unique_ptr<CLI::App> owned_;
  CLI::App* app_;
  std::vector<std::unique_ptr<CommandLine>> subcommands_;
};

}  // namespace medusa::tools

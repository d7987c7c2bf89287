#include "tools/cli/cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "tensor/check.h"

namespace medusa::tools {

namespace {

// CLI11 only says "Could not convert": this says what was expected, of every word that CLI11 would not read as a T.
template <class T>
Option reads(Option option, const char* expected) {
  return option.check([expected](const std::string& text) -> std::string {
    T value{};
    return CLI::detail::lexical_cast(text, value) ? "" : fmt::format("expected {}, found {}", expected, text);
  });
}

constexpr const char *kWhole = "a whole number", *kNumber = "a number";

}  // namespace

Option& Option::required() {
  option_->required();
  return *this;
}

Option& Option::one_of(const std::vector<std::string>& values) {
  option_->check(CLI::IsMember(values));
  return *this;
}

Option& Option::range(double least, double most) {
  option_->check(CLI::Range(least, most)
                     .description(most < 1e9 ? fmt::format("{}..{}", least, most) : fmt::format("at least {}", least)));
  return *this;
}

Option& Option::check(const std::function<std::string(const std::string&)>& rule) {
  option_->check(rule);
  return *this;
}

Option& Option::last_counts() {
  option_->take_last();
  return *this;
}

Option& Option::split_at_comma() {
  option_->delimiter(',');
  return *this;
}

Option& Option::not_in_config() {
  option_->configurable(false);
  return *this;
}

CommandLine::CommandLine(const std::string& about, const std::string& name)
    : name_(name), owned_(std::make_unique<CLI::App>(about, name)), app_(owned_.get()) {
  app_->option_defaults()->always_capture_default();
}

CommandLine::CommandLine(CLI::App* app, const std::string& name) : name_(name), app_(app) {}

CommandLine::~CommandLine() = default;

Option CommandLine::option(const std::string& name, std::string& value, const std::string& help) {
  return Option(app_->add_option(name, value, help));
}
Option CommandLine::option(const std::string& name, bool& value, const std::string& help) {
  return reads<bool>(Option(app_->add_option(name, value, help)), "true or false");
}
Option CommandLine::option(const std::string& name, int& value, const std::string& help) {
  return reads<int>(Option(app_->add_option(name, value, help)), kWhole);
}
Option CommandLine::option(const std::string& name, std::int64_t& value, const std::string& help) {
  return reads<std::int64_t>(Option(app_->add_option(name, value, help)), kWhole);
}
Option CommandLine::option(const std::string& name, std::uint64_t& value, const std::string& help) {
  return Option(app_->add_option(name, value, help)).check([](const std::string& text) -> std::string {
    const bool number = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
    return number ? "" : "expected a whole number of 0 or more, found " + text;
  });
}
Option CommandLine::option(const std::string& name, double& value, const std::string& help) {
  return reads<double>(Option(app_->add_option(name, value, help)), kNumber);
}
Option CommandLine::option(const std::string& name, std::vector<std::string>& value, const std::string& help) {
  return Option(app_->add_option(name, value, help));
}
Option CommandLine::option(const std::string& name, std::vector<std::int64_t>& value, const std::string& help) {
  return reads<std::int64_t>(Option(app_->add_option(name, value, help)), kWhole);
}
Option CommandLine::option(const std::string& name, std::vector<double>& value, const std::string& help) {
  return reads<double>(Option(app_->add_option(name, value, help)), kNumber);
}
Option CommandLine::flag(const std::string& name, bool& value, const std::string& help) {
  return Option(app_->add_flag(name, value, help));
}

void CommandLine::group(const std::string& heading) { app_->option_defaults()->group(heading); }

void CommandLine::config_file(const std::string& help) { app_->set_config("--config", "", help); }

void CommandLine::footer(const std::string& text) { app_->footer(text); }

CommandLine& CommandLine::subcommand(const std::string& name, const std::string& about) {
  CLI::App* app = app_->add_subcommand(name, about);
  app->footer("");  // or else ours, as CLI11 has it
  subcommands_.push_back(std::unique_ptr<CommandLine>(new CommandLine(app, name)));
  return *subcommands_.back();
}

void CommandLine::parse(std::vector<std::string> arguments) {
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the end
  try {
    app_->parse(std::move(arguments));
  } catch (const CLI::Success& help) {
    app_->exit(help);  // prints it
    throw HelpShown{};
  } catch (const CLI::ParseError& error) {
    fail_input("{}", error.what());
  }
}

bool CommandLine::parsed() const { return app_->parsed(); }

std::string CommandLine::config_text() const { return app_->config_to_str(true, true); }

}  // namespace medusa::tools

#include "tools/cli/cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iterator>

#include "tensor/check.h"
#include "tensor/file.h"
#include "tools/cli/config_file.h"

namespace medusa::tools {

namespace {

// CLI11 reads 010 as 8 and clips values too large for a T: true if it reads the number that the text says.
template <class T>
bool reads_as_said(const std::string& text) {
  T value{}, said{};
  if (!CLI::detail::lexical_cast(text, value)) return false;
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + (text[0] == '+'), end, said);
    return error == std::errc() && stop == end && value == said;
  }
  return true;
}

// CLI11 only says "Could not convert": this says what was expected.
template <class T>
CommandOption reads(CommandOption option, const char* expected) {
  return option.check([expected](const std::string& text) -> std::string {
    return reads_as_said<T>(text) ? "" : fmt::format("expected {}, found {}", expected, text);
  });
}

void add_row(CommandLine& command, const std::string& name, bool& value, const std::string& help) {
  if (value)  // on by default: --name false switches it off
    command.option(name, value, help).last_counts();
  else
    command.flag(name, value, help).last_counts();
}
template <class T>
void add_row(CommandLine& command, const std::string& name, std::vector<T>& values, const std::string& help) {
  command.option(name, values, help).split_at_comma();
}
template <class T>
void add_row(CommandLine& command, const std::string& name, T& value, const std::string& help) {
  command.option(name, value, help).last_counts();
}

// Config files as read_config has them: CLI11's own reader ends a text at its first '#' and knows no escapes.
class ConfigFormat : public CLI::ConfigTOML {
 public:
  std::string file;  // that is read, for messages

  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override {
    const std::string text{std::istreambuf_iterator<char>(input), {}};
    std::vector<CLI::ConfigItem> items;
    for (ConfigLine& line : read_config(text, file)) {
      items.emplace_back();
      items.back().name = std::move(line.name);
      items.back().inputs = std::move(line.values);
    }
    return items;
  }

  std::string to_config(const CLI::App* app, bool, bool, std::string) const override {
    std::string config;
    for (const CLI::Option* option : app->get_options({})) {
      if (!option->get_configurable()) continue;
      std::vector<std::string> values = option->reduced_results();
      const std::string absent = option->get_default_str();
      const bool no_list = absent == "[]" && option->get_expected_max() > 1;  // cannot be read back
      if (values.empty() && !absent.empty() && !no_list) values = {absent};
      if (values.empty() && option->get_expected_min() == 0) values = {"false"};
      std::string value;
      for (const std::string& one : values) value += (value.empty() ? "" : ", ") + config_value(one);
      if (values.size() > 1) value = "[" + value + "]";
      if (!value.empty())
        config += fmt::format("# {}\n{}={}\n\n", option->get_description(), option->get_single_name(), value);
    }
    return config;
  }

 private:
  // Numbers and yes or no without quotes.
  static std::string config_value(const std::string& value) {
    double number = 0;
    const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    const bool bare =
        value == "true" || value == "false" || (error == std::errc() && stop == value.data() + value.size());
    return bare ? value : toml_text(value);
  }
};

constexpr const char *kWhole = "a whole number", *kNumber = "a number";

}  // namespace

CommandOption& CommandOption::required() {
  option_->required();
  return *this;
}

CommandOption& CommandOption::one_of(const std::vector<std::string>& values) {
  option_->check(CLI::IsMember(values));
  return *this;
}

CommandOption& CommandOption::range(double least, double most) {
  option_->check(CLI::Range(least, most)
                     .description(most < 1e9 ? fmt::format("{}..{}", least, most) : fmt::format("at least {}", least)));
  return *this;
}

CommandOption& CommandOption::check(const std::function<std::string(const std::string&)>& rule) {
  option_->check(rule);
  return *this;
}

CommandOption& CommandOption::last_counts() {
  option_->take_last();
  return *this;
}

CommandOption& CommandOption::split_at_comma() {
  option_->delimiter(',');
  return *this;
}

CommandOption& CommandOption::not_in_config() {
  option_->configurable(false);
  return *this;
}

CommandLine::CommandLine(const std::string& about, const std::string& name)
    : name_(name), owned_(std::make_unique<CLI::App>(about, name)), app_(owned_.get()) {
  app_->option_defaults()->always_capture_default();
}

CommandLine::CommandLine(CLI::App* app, const std::string& name) : name_(name), app_(app) {}

CommandLine::~CommandLine() = default;

CommandOption CommandLine::option(const std::string& name, std::string& value, const std::string& help) {
  return CommandOption(app_->add_option(name, value, help));
}
CommandOption CommandLine::option(const std::string& name, bool& value, const std::string& help) {
  return reads<bool>(CommandOption(app_->add_option(name, value, help)), "true or false");
}
CommandOption CommandLine::option(const std::string& name, int& value, const std::string& help) {
  return reads<int>(CommandOption(app_->add_option(name, value, help)), kWhole);
}
CommandOption CommandLine::option(const std::string& name, std::int64_t& value, const std::string& help) {
  return reads<std::int64_t>(CommandOption(app_->add_option(name, value, help)), kWhole);
}
CommandOption CommandLine::option(const std::string& name, std::uint64_t& value, const std::string& help) {
  return reads<std::uint64_t>(CommandOption(app_->add_option(name, value, help)), "a whole number of 0 or more");
}
CommandOption CommandLine::option(const std::string& name, double& value, const std::string& help) {
  return reads<double>(CommandOption(app_->add_option(name, value, help)), kNumber);
}
CommandOption CommandLine::option(const std::string& name, std::vector<std::string>& value, const std::string& help) {
  return CommandOption(app_->add_option(name, value, help));
}
CommandOption CommandLine::option(const std::string& name, std::vector<std::int64_t>& value, const std::string& help) {
  return reads<std::int64_t>(CommandOption(app_->add_option(name, value, help)), kWhole);
}
CommandOption CommandLine::option(const std::string& name, std::vector<double>& value, const std::string& help) {
  return reads<double>(CommandOption(app_->add_option(name, value, help)), kNumber);
}
CommandOption CommandLine::flag(const std::string& name, bool& value, const std::string& help) {
  return CommandOption(app_->add_flag(name, value, help));
}

void CommandLine::add(const Options& options) {
  std::string heading;
  for (const Option& row : options.rows()) {
    if (row.group != heading) group(heading = row.group);
    std::visit([&](auto* value) { add_row(*this, "--" + row.name, *value, row.help); }, row.place);
  }
}

void CommandLine::group(const std::string& heading) { app_->option_defaults()->group(heading); }

void CommandLine::config_file(const std::string& help) {
  const auto format = std::make_shared<ConfigFormat>();
  app_->set_config("--config", "", help)->check([format](const std::string& file) -> std::string {
    std::error_code missing;  // which CLI11 reports
    format->file = file;
    if (std::filesystem::exists(file, missing)) read_text_file(file, 1 << 20);  // a pipe would never end
    return "";
  });
  app_->config_formatter(format);
  app_->allow_config_extras(false);  // refuses a mistyped name
}

void CommandLine::footer(const std::string& text) { app_->footer(text); }

CommandLine& CommandLine::subcommand(const std::string& name, const std::string& about) {
  CLI::App* app = app_->add_subcommand(name, about);
  app->footer("");  // CLI11 would inherit the program's
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
  } catch (const CLI::ConfigError& error) {
    const std::string text = error.what(), file = app_->get_config_ptr()->as<std::string>();
    const std::string_view kUnknown = "INI was not able to parse ";
    if (!text.starts_with(kUnknown)) fail_input("{}", text);
    const std::string name = text.substr(kUnknown.size());
    fail_input("{}: {}: unknown option{}", file, name, did_you_mean(name, option_names()));
  } catch (const CLI::ExtrasError& error) {
    const std::string text = error.what(), last = text.substr(text.rfind(' ') + 1);
    const std::string name = last.substr(std::min<std::size_t>(last.find_first_not_of('-'), last.size()));
    const std::string similar =
        last.starts_with("-") ? similar_name(name.substr(0, name.find('=')), option_names()) : "";
    fail_input("{}{}", text, similar.empty() ? "" : "; did you mean --" + similar + "?");
  } catch (const CLI::ParseError& error) {
    fail_input("{}", error.what());
  }
}

std::vector<std::string> CommandLine::option_names() const {
  std::vector<std::string> names;
  const auto add = [&](const CLI::App* app) {
    for (const CLI::Option* option : app->get_options())
      names.insert(names.end(), option->get_lnames().begin(), option->get_lnames().end());
  };
  add(app_);
  for (const CLI::App* subcommand : app_->get_subcommands()) add(subcommand);
  return names;
}

bool CommandLine::parsed() const { return app_->parsed(); }

std::string CommandLine::config_text() const { return app_->config_to_str(true, true); }

}  // namespace medusa::tools

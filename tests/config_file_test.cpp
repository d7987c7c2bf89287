// Config files: every text comes back as it was written, and what cannot be meant is refused with its line.
#include "tools/cli/config_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/data_fixture.h"
#include "tools/cli/run_options.h"

using namespace medusa;
using namespace medusa::test;
using tools::ConfigLine;
using tools::read_config;

namespace {

using Values = std::vector<std::string>;

Values values_of(const std::string& text) {
  const std::vector<ConfigLine> lines = read_config("x = " + text + "\n", "c.toml");
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].name == "x");
  return lines[0].values;
}
std::string refusal(const std::string& text) {
  return input_error([&] { read_config(text, "c.toml"); });
}

}  // namespace

TEST_CASE("config: texts, numbers, lists, flags, comments") {
  CHECK(values_of("\"a # b\"") == Values{"a # b"});
  CHECK(values_of("'a \"b\" # c' # d") == Values{"a \"b\" # c"});
  CHECK(values_of("\"a\\n\\t\\\"\\\\ = ' \\u00e9\"") == Values{"a\n\t\"\\ = ' \xc3\xa9"});
  CHECK(values_of("C:\\data # a word needs no quotes") == Values{"C:\\data"});
  CHECK(values_of("1e-3#x") == Values{"1e-3"});
  CHECK(values_of("[1, 2 ,3]") == Values{"1", "2", "3"});
  CHECK(values_of("[ \"a, b\", 'c]' , d # e\n , \n f, ]") == Values{"a, b", "c]", "d", "f"});
  CHECK(values_of("[]").empty());
  CHECK(values_of("a,b") == Values{"a", "b"});
  CHECK(values_of("a b") == Values{"a", "b"});
  CHECK(values_of("\"\"") == Values{""});
  const std::vector<ConfigLine> lines =
      read_config("\xEF\xBB\xBF# head\r\n; old style\n\n  a = 1\r\nflag\n\"b c\"='d' \nin = x\nin = y", "c.toml");
  REQUIRE(lines.size() == 4);
  CHECK(lines[0].name == "a");
  CHECK(lines[0].values == Values{"1"});
  CHECK(lines[0].line == 4);
  CHECK(lines[1].name == "flag");
  CHECK(lines[1].values == Values{"true"});
  CHECK(lines[2].name == "b c");
  CHECK(lines[2].values == Values{"d"});
  CHECK(lines[3].values == Values{"x", "y"});
  CHECK(read_config("", "c.toml").empty());
}

TEST_CASE("config: what cannot be meant is refused with its line") {
  CHECK(refusal("a = 1\n[run]\nlr = 1\n") == "c.toml:2: expected NAME = VALUE, found a table");
  CHECK(refusal("a = \"x\n") == "c.toml:1: a quote is not closed");
  CHECK(refusal("a = \"x\\\"\n") == "c.toml:1: a quote is not closed");
  CHECK(refusal("\na = [1,\n2\n") == "c.toml:2: a list is not closed");
  CHECK(refusal("a = [\"1\" \"2\"]") == "c.toml:1: expected a comma or ] after a value of a list");
  CHECK(refusal("a = [1] 2") == "c.toml:1: text after the value");
  CHECK(refusal("a =  # nothing\n") == "c.toml:1: has no value");
  CHECK(refusal("= 1\n") == "c.toml:1: expected NAME = VALUE");
  CHECK(refusal("a = 1\nb = 2\na = 3\n") == "c.toml:3: a is there twice");
  CHECK(refusal(std::string("a = 1\0", 6)) == "c.toml: is not a text file");
  CHECK(refusal("a = " + std::string(100000, '[')) == "c.toml: is nested too deeply: more than 32 levels");
}

TEST_CASE("config: a run's own is read back before the run begins, and stays as it was if it is another one then") {
  const TempFolder folder;
  const mtl::RunFolder run(folder.path);
  tools::RunOptions options;
  options.data =
      "/a # \"b\" = it's %\\n [c]\n gr\xc3\xb6\xc3\x9f"
      "er";
  options.pretrained = "\xff not UTF-8 \\";
  save_config(run, options);
  const tools::RunOptions back = tools::read_run_options(folder.path);
  CHECK(back.data == options.data);
  CHECK(back.pretrained == options.pretrained);
  const std::string before = slurp(folder / "config.toml");
  options.tasks = {"a,b"};  // a comma separates tasks
  const std::string message = folder / "config.toml: cannot keep --tasks [\"a,b\"]: it is read back as [\"a\", \"b\"]";
  CHECK(input_error([&] { save_config(run, options); }) == message);
  CHECK(slurp(folder / "config.toml") == before);
  std::filesystem::remove(folder / "config.toml");
  CHECK(input_error([&] { save_config(run, options); }) == message);
  CHECK_FALSE(std::filesystem::exists(folder / "config.toml"));
}

TEST_CASE("config: a pipe is refused at once, and so is a file that nests") {
  const TempFolder folder;
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  save(folder / "deep.toml", "epochs = " + std::string(100000, '['));
  const auto parsed = [&](const std::string& file) {
    return input_error([&] {
      tools::RunOptions options;
      tools::CommandLine command("", "train");
      tools::add_run_options(command, options);
      command.config_file("");
      command.parse({"--config", file});
    });
  };
  CHECK(parsed(folder / "pipe") == folder / "pipe: is not a regular file");
  CHECK(contains(parsed("/dev/zero"), "/dev/zero: is not a regular file"));
  CHECK(parsed(folder / "deep.toml") == folder / "deep.toml: is nested too deeply: more than 32 levels");
  CHECK(contains(parsed(folder / "none.toml"), "none.toml"));
}

// Foreign text: what is printed of it, and how deep it may nest.
#include "tensor/text.h"

#include <doctest/doctest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "datasets/formats/toml.h"
#include "mtl/networks/model_file.h"
#include "mtl/training/run_folder.h"
#include "mtl/training/train_state.h"
#include "nn/json.h"
#include "nn/safetensors.h"
#include "tests/data_fixture.h"
#include "tools/cli/run_options.h"
#include "tools/report/svg.h"

using namespace medusa;
using medusa::test::contains;
using medusa::test::input_error;

TEST_CASE("text: what a terminal would obey is escaped, and nothing else") {
  CHECK(printable("plain text, \\ and \"quotes\"; Größe 5 µm ± 2, 肝臓, 🫁") ==
        "plain text, \\ and \"quotes\"; Größe 5 µm ± 2, 肝臓, 🫁");
  CHECK(printable("a\nb\tc\rd") == "a\\nb\\tc\\rd");
  CHECK(printable(std::string("\x1b[31mred\x07\x7f\0", 11)) == "\\x1b[31mred\\x07\\x7f\\x00");
  CHECK(printable("\xc2\x9b"
                  "2J") == "\\u009b2J");                                     // CSI as one character
  CHECK(printable("x\xe2\x80\xaeysp\xe2\x80\xa9") == "x\\u202eysp\\u2029");  // right to left; a paragraph's end
  CHECK(printable("\xef\xbb\xbf"
                  "a\xe2\x81\xa6") == "\\ufeffa\\u2066");
  // Not UTF-8: a byte alone, cut off, too long, a surrogate, beyond Unicode.
  CHECK(printable("\xe9t\xe9") == "\\xe9t\\xe9");
  CHECK(printable("a\xe2\x82") == "a\\xe2\\x82");
  CHECK(printable("\xc0\x9b") == "\\xc0\\x9b");
  CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");
  CHECK(printable("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");
  CHECK(printable("\xef\xbf\xbf") == "\\uffff");  // no character, which XML refuses
  CHECK(printable_lines("a\n\x1b"
                        "b\r\n") == "a\n\\x1bb\\r\n");
  CHECK(is_utf8("Größe"));
  CHECK_FALSE(
      is_utf8("Gr\xf6\xdf"
              "e"));
}

TEST_CASE("text: JSON keeps its values") {
  const std::string name = "a\x1b\xc2\x9b\xe2\x80\xae\x7f\xf3\xa0\x80\x81\"\n é";
  const std::string text = printable_json(nlohmann::json{{name, 1.5}}.dump(2));
  CHECK(printable_lines(text) == text);
  CHECK(nlohmann::json::parse(text).begin().key() == name);
}

TEST_CASE("text: for XML and HTML") {
  CHECK(tools::escaped("<a href=\"x\">R&D's</a>\x1b\x0c") ==
        "&lt;a href=&quot;x&quot;&gt;R&amp;D&#39;s&lt;/a&gt;\\x1b\\x0c");
}

TEST_CASE("text: nesting is bounded before anything is parsed") {
  const auto refused = [](const std::string& text) { return input_error([&] { check_nesting(text, "x.json"); }); };
  const std::string message = "x.json: is nested too deeply: more than 32 levels",
                    lined = "x.json:1: is nested too deeply: more than 32 levels";
  CHECK(refused(std::string(32, '[') + std::string(32, ']')).empty());
  CHECK(refused(std::string(33, '[')) == message);
  CHECK(refused(std::string(100000, '[')) == message);
  std::string objects;
  for (int i = 0; i < 50000; ++i) objects += "{\"a\":[";
  CHECK(refused(objects) == message);
  // One after the other, in texts and comments, they do not nest.
  std::string flat = "{\"a\": \"" + std::string(1000, '[') + "\\\"" + std::string(1000, '{') + "\", \"b\": [";
  for (int i = 0; i < 1000; ++i) flat += "[1.5, 2.5],";
  CHECK(refused(flat + "0]}").empty());
  CHECK(refused("a = '" + std::string(99, '[') + "'\n# don't " + std::string(99, '[') + "\nb = 1").empty());
  CHECK(
      refused("a = \"\"\"\n" + std::string(99, '[') + "\"\n\"\"\"\nb = '''\n" + std::string(99, '{') + "'''").empty());
  CHECK(refused("a = '''\n'\n'''\nb = " + std::string(99, '[')) == message);
  // A text that is not closed ends with its line.
  CHECK(refused("a = \"\nb = " + std::string(99, '[')) == message);
  // Dotted keys nest, numbers do not.
  std::string dotted = "a";
  for (int i = 0; i < 100000; ++i) dotted += ".a";
  for (const std::string& toml :
       {dotted + " = 1", "[" + dotted + "]", "[[" + dotted + "]]", "x = {" + dotted + " = 1}"})
    CHECK(refused(toml) == message);
  std::string numbers = "a = [0.5";
  for (int i = 0; i < 1000; ++i) numbers += ", 1.5";
  CHECK(refused(numbers + "]\nb = 1.5").empty());
  CHECK(input_error([&] { nn::parse_json<nlohmann::json>(std::string(100000, '['), "x.json"); }) == message);
  CHECK(nn::parse_json<nlohmann::json>("{\"a\":[1]}", "x.json")["a"][0] == 1);
  CHECK(input_error([&] { datasets::parse_toml(dotted + " = 1", "x.json"); }) == lined);
  CHECK(input_error([&] { datasets::parse_toml("a = " + std::string(100000, '['), "x.json"); }) == lined);
}

TEST_CASE("text: nesting is bounded in every file of a run") {
  const test::TempFolder folder;
  const mtl::RunFolder run(folder.path);
  const std::string deep = std::string(100000, '['), message = "is nested too deeply: more than ";
  for (mtl::RunFile file : {mtl::RunFile::Config, mtl::RunFile::Metrics, mtl::RunFile::Result, mtl::RunFile::Cost,
                            mtl::RunFile::Best, mtl::RunFile::Last})
    test::save(run.file(file), deep);
  test::save(run.file(mtl::RunFile::Config), "epochs = " + deep);
  const auto refused = [&](mtl::RunFile file, const std::function<void()>& read) {
    const std::string said = input_error(read);
    INFO(said);
    CHECK(said.starts_with(run.file(file)));
    CHECK(contains(said, message));
    CHECK(said.find('\n') == std::string::npos);
  };
  refused(mtl::RunFile::Config, [&] { tools::read_run_options(folder.path); });
  refused(mtl::RunFile::Metrics, [&] { run.epochs(); });
  refused(mtl::RunFile::Result, [&] { run.json(mtl::RunFile::Result); });
  refused(mtl::RunFile::Cost, [&] { run.json(mtl::RunFile::Cost); });
  test::save(run.file(mtl::RunFile::Provenance), deep);  // the others are held against it
  refused(mtl::RunFile::Provenance, [&] { run.provenance(); });
  const std::uint64_t length = deep.size() + 5;
  for (mtl::RunFile file : {mtl::RunFile::Best, mtl::RunFile::Last}) {
    test::save(run.file(file), std::string(reinterpret_cast<const char*>(&length), 8) + "{\"a\":" + deep);
    refused(file, [&] { nn::SafetensorsReader reader(run.file(file)); });
  }
  CHECK(contains(input_error([&] { mtl::train_state_from_json(deep, "s"); }), "s: " + message));
  CHECK(contains(input_error([&] { mtl::model_config_from_json(deep, "m"); }), "m: " + message));
  CHECK(contains(input_error([&] { mtl::option_values_from_json(deep, "o"); }), "o: " + message));
}

#include "datasets/layouts/prostate.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <map>
#include <set>
#include <string_view>

#include "datasets/cases/table.h"
#include "datasets/formats/csv.h"
#include "datasets/formats/header_text.h"
#include "tensor/check.h"

namespace medusa::datasets {
namespace {

namespace fs = std::filesystem;

// L for R, Lt for Rt, Left for Right and back, in the letters' case of `word`; "" if it names no side.  In a longer
// word only Left and Right count, as in FemurLeft: most letters l do not mean left.
std::string other_word(const std::string& word) {
  constexpr std::pair<std::string_view, std::string_view> kSides[] = {
      {"l", "r"}, {"r", "l"}, {"lt", "rt"}, {"rt", "lt"}, {"left", "right"}, {"right", "left"}};
  const std::string lower = lower_case(word);
  for (const auto& [from, to] : kSides) {
    if (lower != from) continue;
    std::string other(to);
    for (std::size_t i = 0; i < other.size(); ++i) {
      const std::size_t like = std::min(i, word.size() - 1);
      if (lower[like] != word[like]) other[i] = static_cast<char>(std::toupper(static_cast<unsigned char>(other[i])));
    }
    return other;
  }
  constexpr std::pair<const char*, const char*> kGlued[] = {
      {"Left", "Right"}, {"Right", "Left"}, {"left", "right"}, {"right", "left"}};
  for (const auto& [from, to] : kGlued) {
    const std::size_t length = std::string_view(from).size();
    if (word.ends_with(from)) return word.substr(0, word.size() - length) + to;
    if (word.starts_with(from)) return to + word.substr(length);
  }
  return "";
}

// Possible names of the other side of `name`: all of its side words swapped, or one of several; empty: it has no side.
std::vector<std::string> other_sides(const std::string& name) {
  std::vector<std::string> words{""};  // and what stands between them
  for (char c : name) {
    if (std::string_view("_-. ").find(c) == std::string_view::npos) {
      words.back() += c;
    } else {
      words.insert(words.end(), {std::string(1, c), ""});
    }
  }
  std::vector<std::string> names, all = words;
  for (std::size_t w = 0; w < words.size(); ++w) {
    const std::string other = other_word(words[w]);
    if (other.empty()) continue;
    std::vector<std::string> one = words;
    one[w] = all[w] = other;
    names.push_back(fmt::format("{}", fmt::join(one, "")));
  }
  if (!names.empty()) names.insert(names.begin(), fmt::format("{}", fmt::join(all, "")));
  return names;
}

// The index of the other side of class `at`; classes.size() if it is absent.
std::size_t other_side(const std::vector<std::string>& classes, const std::map<std::string, std::size_t>& places,
                       std::size_t at) {
  for (const std::string& name : other_sides(classes[at]))
    if (const auto found = places.find(name); found != places.end()) return found->second;
  return classes.size();
}

// The pairs that swap in a mirrored patient, and notes of what was found: a missed pair teaches the wrong side.
std::vector<std::array<std::size_t, 2>> find_pairs(const std::vector<std::string>& classes, const std::string& table,
                                                   std::vector<std::string>& notes) {
  std::vector<std::array<std::size_t, 2>> pairs;
  std::vector<std::string> found, alone;
  std::map<std::string, std::size_t> places;
  for (std::size_t k = 0; k < classes.size(); ++k) places.emplace(classes[k], k);
  for (std::size_t a = 0; a < classes.size(); ++a) {
    const std::size_t b = other_side(classes, places, a);
    if (b == classes.size() || other_side(classes, places, b) != a) {
      if (!other_sides(classes[a]).empty()) alone.push_back(classes[a]);
    } else if (a < b) {
      pairs.push_back({a, b});
      found.push_back(classes[a] + " and " + classes[b]);
    }
  }
  if (!found.empty())
    notes.push_back(fmt::format("{}: these swap in a mirrored patient: {}", table, fmt::join(found, ", ")));
  for (const std::string& name : alone)
    notes.push_back(fmt::format("{}: {} names a side, but there is no {}: it keeps its name in a mirrored patient",
                                table, name, other_sides(name)[0]));
  return pairs;
}

}  // namespace

CasePlan prostate_plan(const DatasetOptions& options) {
  const std::string path = options.folder + "/cases.csv";
  MEDUSA_CHECK_INPUT(fs::is_directory(options.folder), "{}: there is no such folder", options.folder);
  MEDUSA_CHECK_INPUT(options.size.depth > 0, "prostate: size {} has two sides, volumes have three, such as 64x64x64",
                     options.size.text());
  const Table table = read_csv(path);
  Description d;
  std::vector<std::string> classes;
  bool body = false;
  const std::set<std::string> kOthers{"case", "split", "group", "ct", "dose", "body"};
  for (const std::string& column : table.header) {
    body = body || column == "body";
    if (kOthers.contains(column)) continue;
    classes.push_back(column);
  }
  if (!body) check_no_column_like(table, "body");
  MEDUSA_CHECK_INPUT(!classes.empty(), "{}:1: has no structure column besides case, ct and dose", path);
  MEDUSA_CHECK_INPUT(classes.size() <= kMostClasses, "{}:1: has {} structure columns, expected at most {}", path,
                     classes.size(), kMostClasses);
  d.plan.inputs = {{"ct", "ct", 1, {{-160, 240}}, {}, {}, false}};
  d.plan.targets = {{structures("structures", classes), {}, find_pairs(classes, path, d.plan.notes)},
                    {regression("dose", 70, "Gy"), {}, {}}};
  d.target_columns = {{classes, "", "", path}, {{"dose"}, body ? "body" : "", "", path}};
  d.plan.field_of_view = 384;
  return read_cases(d, path, "prostate", data_folder(options), options.problems);
}

}  // namespace medusa::datasets

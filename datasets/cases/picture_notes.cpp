#include "datasets/cases/picture_notes.h"

#include <algorithm>
#include <cmath>

#include "datasets/images/head.h"
#include "tensor/check.h"

namespace medusa::datasets {
namespace {

struct Count {
  std::int64_t files = 0;
  std::string first;
  void add(const std::string& file) {
    if (files++ == 0) first = file;
  }
};

}  // namespace

double picture_maximum(const CaseInput& input) {
  constexpr double kBeyondEightBits = 256;  // a window of [0, 256] is meant for 8 bits
  std::vector<double> numbers = input.mean;
  numbers.insert(numbers.end(), input.std.begin(), input.std.end());
  if (input.window) numbers.insert(numbers.end(), input.window->begin(), input.window->end());
  const auto beyond = [](double v) { return std::abs(v) > kBeyondEightBits; };
  return std::any_of(numbers.begin(), numbers.end(), beyond) ? 65535 : 255;
}

std::vector<std::string> picture_notes(const std::vector<CaseInput>& inputs, const std::vector<CaseRow>& rows) {
  std::vector<std::string> notes;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const CaseInput& input = inputs[i];
    const bool numbers = input.window || !input.mean.empty(), wide = picture_maximum(input) > 255;
    Count grey, colour, deep, shallow;
    for (const CaseRow& row : rows) {
      if (i >= row.inputs.size()) continue;
      const std::string& file = row.inputs[i];
      const std::optional<ImageHead> head = read_image_head(file);
      if (!head) continue;
      if (head->colour && input.channels == 1) colour.add(file);
      if (!head->colour && input.channels == 3) grey.add(file);
      if (numbers && !wide && head->bits == 16) deep.add(file);
      if (numbers && wide && head->bits == 8) shallow.add(file);
    }
    const auto say = [&](const Count& count, const char* what) {
      if (count.files)
        notes.push_back(fmt::format("input {}: {} {} (the first: {})", input.name,
                                    count.files == 1 ? "1 picture" : fmt::format("{} pictures", count.files), what,
                                    count.first));
    };
    say(colour, "in colour: made grey, as the network expects");
    say(grey, "in grey: its three channels are equal, since the network expects colour");
    say(deep, "of 16 bits: values are divided by 257, since window, mean and std are for 0 to 255");
    say(shallow, "of 8 bits: values are multiplied by 257, since window, mean and std are for 0 to 65535");
  }
  return notes;
}

}  // namespace medusa::datasets

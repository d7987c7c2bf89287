#include "tensor/check.h"

#include <cctype>

namespace medusa {
namespace {

std::string folded(const std::string& name) {
  std::string out;
  for (const char c : name)
    if (c != ' ' && c != '-' && c != '_') out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

// Letters to insert, drop or change, or neighbours to swap, until `a` is `b` (optimal string alignment).
std::size_t slips(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i)
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

}  // namespace

std::string similar_name(const std::string& name, const std::vector<std::string>& known) {
  const std::string wanted = folded(name);
  std::string best;
  std::size_t least = 3;
  for (const std::string& candidate : known) {
    const std::string other = folded(candidate);
    const std::size_t length = std::min(wanted.size(), other.size()), longest = std::max(wanted.size(), other.size());
    const std::size_t allowed = length >= 8 ? 2 : length >= 4 ? 1 : 0;
    if (longest - length > allowed || longest == 0) continue;
    const std::size_t count = slips(wanted, other);
    if (count > allowed || count >= least) continue;
    least = count;
    best = candidate;
  }
  return best;
}

std::string first_names(const std::vector<std::string>& names, std::size_t most) {
  const std::size_t shown = std::min(names.size(), most);
  std::string text =
      fmt::format("{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  if (shown < names.size()) text += fmt::format(" and {} more", names.size() - shown);
  return text;
}

std::string did_you_mean(const std::string& name, const std::vector<std::string>& known) {
  const std::string similar = similar_name(name, known);
  return similar.empty() ? "" : fmt::format("; did you mean {}?", similar);
}

}  // namespace medusa

// A reader for one kind of table: no row becomes strings, so it is bound by memory and not by allocations.
#include "datasets/formats/sparse_csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "tensor/check.h"
#include "tensor/file.h"

namespace medusa::datasets {
namespace {

constexpr std::size_t kLongestRow = 64;  // bytes: more than any sensible number needs

// The digit 0..9 of a character, 10 or more for others.
unsigned digit(char c) { return static_cast<unsigned>(static_cast<unsigned char>(c)) - '0'; }

// 1 / 10^n rounds; m / 10^n with both exact rounds once, so the quotient is the nearest double.
constexpr double kPower[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

class Parser {
 public:
  Parser(std::string_view text, const std::string& name, std::int64_t voxels)
      : at_(text.data()), end_(text.data() + text.size()), name_(name), voxels_(voxels) {
    rows_ = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    seen_.resize(static_cast<std::size_t>(voxels + 63) / 64);
  }

  SparseVolume parse() {
    header();
    SparseVolume volume;
    volume.index.reserve(std::min(rows_, static_cast<std::size_t>(voxels_)));
    for (; at_ != end_; ++line_) {
      const std::int32_t index = read_index();
      const bool value = at_ != end_ && *at_ != '\n' && *at_ != '\r';
      if (volume.index.empty() && value) volume.value.reserve(volume.index.capacity());
      MEDUSA_CHECK_INPUT(volume.index.empty() || value != volume.value.empty(),
                         "{}:{}: the row has {} value, those before have {}", name_, line_, value ? "a" : "no",
                         value ? "none" : "one");
      if (value) volume.value.push_back(read_value());
      volume.index.push_back(index);
      end_of_line();
    }
    return volume;
  }

 private:
  void header() {
    constexpr std::string_view kHeader = ",data";
    MEDUSA_CHECK_INPUT(
        static_cast<std::size_t>(end_ - at_) >= kHeader.size() && std::memcmp(at_, kHeader.data(), kHeader.size()) == 0,
        "{}: expected a first line \",data\", found \"{}\"", name_, rest_of_line());
    at_ += kHeader.size();
    end_of_line();
    ++line_;
  }

  std::int32_t read_index() {
    const char* begin = at_;
    std::int64_t index = 0;
    while (at_ != end_ && digit(*at_) < 10 && at_ - begin < 12) index = 10 * index + digit(*at_++);
    if (at_ == begin || at_ == end_ || *at_ != ',') {
      at_ = begin;
      fail_input("{}:{}: expected \"index,\" or \"index,value\", found \"{}\"", name_, line_, rest_of_line());
    }
    MEDUSA_CHECK_INPUT(index < voxels_, "{}:{}: index {} is outside 0..{}", name_, line_, index, voxels_ - 1);
    ++at_;
    std::uint64_t& word = seen_[static_cast<std::size_t>(index) / 64];
    const std::uint64_t bit = std::uint64_t{1} << (index % 64);
    MEDUSA_CHECK_INPUT((word & bit) == 0, "{}:{}: index {} appears twice", name_, line_, index);
    word |= bit;
    return static_cast<std::int32_t>(index);
  }

  // Up to 15 digits with a point somewhere are read here; anything else, by from_chars.
  float read_value() {
    const char* p = at_;
    const bool negative = p != end_ && *p == '-';
    p += negative;
    std::int64_t digits = 0;
    int count = 0, behind = 0;
    bool point = false;
    for (; p != end_ && count <= 15; ++p) {
      if (digit(*p) < 10) {
        digits = 10 * digits + digit(*p);
        ++count;
        behind += point;
      } else if (*p == '.' && !point) {
        point = true;
      } else {
        break;
      }
    }
    if (count > 0 && count <= 15 && (p == end_ || *p == '\n' || *p == '\r')) {
      at_ = p;
      const double value = static_cast<double>(digits) / kPower[behind];
      return static_cast<float>(negative ? -value : value);
    }
    double value = 0;
    const auto [stop, error] = std::from_chars(at_, end_, value);
    MEDUSA_CHECK_INPUT(error == std::errc{} && std::isfinite(static_cast<float>(value)) &&
                           (stop == end_ || *stop == '\n' || *stop == '\r'),
                       "{}:{}: expected a finite number, found \"{}\"", name_, line_, rest_of_line());
    at_ = stop;
    return static_cast<float>(value);
  }

  void end_of_line() {
    if (at_ != end_ && *at_ == '\r') ++at_;
    MEDUSA_CHECK_INPUT(at_ == end_ || *at_ == '\n', "{}:{}: expected the end of the line, found \"{}\"", name_, line_,
                       rest_of_line());
    if (at_ != end_) ++at_;
  }

  // For messages: printable, and no longer than a row should be.
  std::string rest_of_line() const {
    const char* stop =
        std::find(at_, at_ + std::min<std::size_t>(static_cast<std::size_t>(end_ - at_), kLongestRow), '\n');
    std::string text(at_, stop);
    for (char& c : text)
      if (c < 32 || c > 126) c = '?';
    return text;
  }

  const char *at_, *const end_;
  const std::string& name_;
  const std::int64_t voxels_;
  std::size_t rows_;
  std::int64_t line_ = 1;
  std::vector<std::uint64_t> seen_;  // a bit per voxel
};

}  // namespace

SparseVolume parse_sparse_csv(std::string_view text, const std::string& name, std::int64_t voxels) {
  MEDUSA_CHECK(voxels > 0 && voxels < (std::int64_t{1} << 31), "sparse_csv: {} voxels", voxels);
  return Parser(text, name, voxels).parse();
}

SparseVolume read_sparse_csv(const std::string& path, std::int64_t voxels) {
  return parse_sparse_csv(read_text_file(path, static_cast<std::size_t>(voxels) * kLongestRow + kLongestRow), path,
                          voxels);
}

std::string sparse_csv(std::span<const real> values, std::span<const std::uint8_t> where, int decimals) {
  MEDUSA_CHECK(values.size() == where.size(), "sparse_csv: {} values, {} places", values.size(), where.size());
  std::string text = ",data\n";
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (where[i] == 0) continue;
    std::string number = fmt::format("{:.{}f}", values[i], decimals);
    if (decimals > 0)
      while (number.back() == '0' && number[number.size() - 2] != '.') number.pop_back();
    fmt::format_to(std::back_inserter(text), "{},{}\n", i, number);
  }
  return text;
}

std::string sparse_csv_mask(std::span<const std::uint8_t> where) {
  std::string text = ",data\n";
  for (std::size_t i = 0; i < where.size(); ++i)
    if (where[i] != 0) fmt::format_to(std::back_inserter(text), "{},\n", i);
  return text;
}

}  // namespace medusa::datasets

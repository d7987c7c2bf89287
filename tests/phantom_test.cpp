// Phantoms: the same bytes for the same options, the right mix of classes, exact masks, classes that can be told apart.
#include "datasets/phantoms/phantom.h"

#include <cmath>
#include <map>

#include "datasets/formats/csv.h"
#include "datasets/layouts/ham10000.h"
#include "tensor/parallel.h"
#include "tests/data_fixture.h"

namespace medusa::datasets {
namespace {

namespace fs = std::filesystem;
using test::contains;

std::map<std::string, std::string> all_files(const std::string& root) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(root))
    if (entry.is_regular_file()) files[fs::relative(entry.path(), root).string()] = test::slurp(entry.path().string());
  return files;
}

TEST_CASE("phantom: the same options give the same bytes for any number of threads, another seed others") {
  test::TempFolder a, b, c;
  const int before = threads();
  write_ham10000_phantom({a.path, 9, 3, {30, 40}});
  set_threads(3);
  write_ham10000_phantom({b.path, 9, 3, {30, 40}});
  set_threads(before);
  write_ham10000_phantom({c.path, 9, 4, {30, 40}});
  const auto files = all_files(a.path);
  CHECK(files.size() == 19);
  CHECK(files == all_files(b.path));
  CHECK(files != all_files(c.path));
}

TEST_CASE("phantom: all classes from a small count on, pictures of one lesion share the class") {
  test::TempFolder folder;
  write_ham10000_phantom({folder.path, 60, 1, {16, 16}});
  const Table table = read_csv(folder / "HAM10000_metadata.csv");
  std::map<std::string, int> classes;
  std::map<std::string, std::string> lesions;
  for (const auto& row : table.rows) {
    ++classes[row[2]];
    CHECK(lesions.emplace(row[0], row[2]).first->second == row[2]);
  }
  CHECK(classes.size() == 7);
  CHECK(classes["nv"] > 12);
  CHECK(lesions.size() < 55);
}

TEST_CASE("phantom: what cannot be written is refused") {
  test::TempFolder folder;
  write_ham10000_phantom({folder.path, 2, 0, {16, 16}});
  CHECK(test::input_error([&] {
          write_ham10000_phantom({folder.path, 2, 0, {16, 16}});
        }) == folder / "HAM10000_metadata.csv: already exists; choose a new folder, or remove the old one");
  CHECK(contains(test::input_error([&] { write_ham10000_phantom({folder / "x", 0, 0, {16, 16}}); }), "count is 0"));
  CHECK(contains(test::input_error([&] { write_ham10000_phantom({folder / "x", 2, 0, {4, 16}}); }), "size is 4x16"));
  CHECK(contains(test::runtime_error([&] {
                   write_ham10000_phantom({"/proc/no/such", 2, 0, {16, 16}});
                 }),
                 "/proc/no/such/HAM10000_images_part_1: cannot be created"));
}

TEST_CASE("phantom: setting shared has four classes, as many of each, and a dark rim around every lesion") {
  test::TempFolder folder;
  PhantomOptions options{folder.path, 40, 1, {48, 64}};
  options.setting = PhantomSetting::Shared;
  write_ham10000_phantom(options);
  std::map<std::string, std::map<std::string, int>> lesions;
  for (const auto& row : read_csv(folder / "HAM10000_metadata.csv").rows) ++lesions[row[2]][row[0]];
  CHECK(lesions.size() == 4);
  for (const auto& entry : lesions) CHECK_MESSAGE(entry.second.size() >= 7, entry.first);
  for (std::int64_t label : {1, 4, 5, 6})  // bcc, mel, nv, vasc
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      const Picture p = draw_lesion(label, seed, seed + 1000, 48, 64, PhantomSetting::Shared);
      double rim = 0, count = 0;  // the mask's outermost pixels
      for (std::int64_t y = 1; y < 47; ++y)
        for (std::int64_t x = 1; x < 63; ++x)
          if (*p.mask.at(x, y) &&
              !(*p.mask.at(x - 1, y) && *p.mask.at(x + 1, y) && *p.mask.at(x, y - 1) && *p.mask.at(x, y + 1)))
            rim += p.image.at(x, y)[0], ++count;
      CHECK(count > 10);
      CHECK(rim / count < 130);  // the skin's red is about 220
    }
  CHECK(test::input_error([] { phantom_setting("easy"); }) ==
        "phantom: setting 'easy' is unknown, expected plain or shared");
}

// Mean and spread of the colours inside the lesion, against the skin outside, and the lesion's extent.
std::vector<double> features(const Picture& p) {
  double in[3] = {}, out[3] = {}, square[3] = {}, n_in = 0, n_out = 0;
  for (std::size_t i = 0; i < p.mask.pixels.size(); ++i)
    for (std::size_t c = 0; c < 3; ++c) {
      const double v = p.image.pixels[3 * i + c];
      if (p.mask.pixels[i])
        in[c] += v, square[c] += v * v, n_in += c == 0;
      else
        out[c] += v, n_out += c == 0;
    }
  std::vector<double> f;
  for (std::size_t c = 0; c < 3; ++c) {
    const double mean = in[c] / n_in;
    f.push_back(mean - out[c] / n_out);
    f.push_back(std::sqrt(std::max(0.0, square[c] / n_in - mean * mean)));
  }
  return f;
}

TEST_CASE("phantom: lesions have a plausible size, and six colour features tell the classes apart") {
  std::vector<std::vector<double>> centres;
  std::uint64_t seed = 0;
  for (std::int64_t label = 0; label < 7; ++label) {
    std::vector<double> centre(6);
    for (int k = 0; k < 12; ++k, ++seed) {
      const auto f = features(draw_lesion(label, seed, seed + 1000, 48, 64));
      for (std::size_t i = 0; i < 6; ++i) centre[i] += f[i] / 12;
    }
    centres.push_back(centre);
  }
  int right = 0;
  for (std::int64_t label = 0; label < 7; ++label)
    for (int k = 0; k < 10; ++k, ++seed) {
      const Picture p = draw_lesion(label, seed, seed + 1000, 48, 64);
      const double area = static_cast<double>(std::count(p.mask.pixels.begin(), p.mask.pixels.end(), 255)) / (48 * 64);
      CHECK(area > 0.01);
      CHECK(area < 0.75);
      const auto f = features(p);
      std::vector<double> away;
      for (const auto& centre : centres) {
        away.push_back(0);
        for (std::size_t i = 0; i < 6; ++i) away.back() += (f[i] - centre[i]) * (f[i] - centre[i]);
      }
      right += std::min_element(away.begin(), away.end()) - away.begin() == label;
    }
  MESSAGE("nearest centre of six features: ", right, " of 70 classes right");
  CHECK(right >= 45);  // a network that also sees shape and texture should do better
}

}  // namespace
}  // namespace medusa::datasets

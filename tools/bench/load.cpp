#include "tools/bench/load.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "datasets/extent.h"
#include "datasets/formats/csv.h"
#include "datasets/formats/sparse_csv.h"
#include "datasets/formats/volume_file.h"
#include "datasets/images/image.h"
#include "datasets/transforms/transforms.h"
#include "tensor/check.h"
#include "tensor/file.h"
#include "tensor/random.h"
#include "tools/bench/net.h"
#include "tools/bench/roofline.h"
#include "tools/cli/program.h"

namespace medusa::tools {
namespace {

namespace fs = std::filesystem;

double clock_ms(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

// Removed at the end.
struct Folder {
  fs::path path;
  Folder() {
    std::string name = (fs::temp_directory_path() / "medusa_load_XXXXXX").string();
    MEDUSA_CHECK(::mkdtemp(name.data()) != nullptr, "{}: cannot be made", name);
    path = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
};

// Smooth with some noise, like real scans and photographs: that decides how well they compress.
std::string made_volume(const fs::path& folder) {
  constexpr std::int64_t kSide = 128;
  Tensor values = Tensor::empty({kSide, kSide, kSide, 1});
  real* out = values.mutable_data();
  Random random(1);
  for (std::int64_t n = 0; n < values.numel(); ++n) {
    double square = 0;
    for (const std::int64_t i : {n % kSide, n / kSide % kSide, n / kSide / kSide})
      square += std::pow(2.0 * static_cast<double>(i) / (kSide - 1) - 1, 2);
    out[n] = static_cast<real>(std::trunc(1000 * std::exp(-3 * square) - 500 + 15 * random.normal()));
  }
  const std::string path = folder / "ct.nii.gz";
  datasets::write_volume(path, datasets::make_volume(values, {}, datasets::ScalarType::Int16, "HU"));
  return path;
}

datasets::Image made_image() {
  constexpr std::int64_t kSide = 256;
  datasets::Image image(kSide, kSide, 3);
  Random random(2);
  for (std::int64_t y = 0; y < kSide; ++y)
    for (std::int64_t x = 0; x < kSide; ++x) {
      const double u = static_cast<double>(x) / kSide, v = static_cast<double>(y) / kSide;
      const double colours[3] = {std::sin(9 * u), std::cos(7 * v), u * v};
      for (std::size_t c = 0; c < 3; ++c)
        image.at(x, y)[c] =
            static_cast<std::uint8_t>(std::clamp(100 * colours[c] + 128 + 5 * random.normal(), 0.0, 255.0));
    }
  return image;
}

std::string made_table(const fs::path& folder) {
  std::string text;
  Random random(3);
  for (int column = 0; column < 20; ++column) text += fmt::format("{}c{}", column ? "," : "", column);
  for (int row = 0; row < 20000; ++row)
    for (int column = 0; column < 20; ++column) text += fmt::format("{}{}", column ? ',' : '\n', random.normal());
  const std::string path = folder / "table.csv";
  write_file(path, text + "\n");
  return path;
}

constexpr std::int64_t kSparseVoxels = std::int64_t{128} * 128 * 128;

// A CT as OpenKBP distributes it: a row for every voxel of the body, about a sixth of the volume.
std::string made_sparse_table(const fs::path& folder) {
  std::string text = ",data\n";
  Random random(4);
  for (std::int64_t i = 0; i < kSparseVoxels; ++i) {
    const double y = static_cast<double>(i / 128 % 128) / 64 - 1, x = static_cast<double>(i % 128) / 64 - 1;
    if (x * x + 2 * y * y < 0.3) text += fmt::format("{},{:.1f}\n", i, std::trunc(1000 + 30 * random.normal()));
  }
  const std::string path = folder / "ct.csv";
  write_file(path, text);
  return path;
}

std::vector<std::string> made_files(const fs::path& folder) {
  const datasets::Image image = made_image();
  const std::string png = folder / "image.png", jpeg = folder / "image.jpg";
  datasets::write_png(png, image);
  write_file(jpeg, datasets::encode_jpeg(image, 90));
  return {made_volume(folder), png, jpeg, made_sparse_table(folder), made_table(folder)};
}

bool is_sparse_table(const std::string& path) {
  const std::vector<unsigned char> head = read_beginning(path, 5);
  return std::string(head.begin(), head.end()) == ",data";
}

// Loads once; returns a description of the result.
std::string load(const std::string& path, const datasets::Extent& size, bool follow_outside) {
  if (fs::path(path).extension() == ".csv") {
    if (is_sparse_table(path))
      return fmt::format("sparse volume, {} rows", datasets::read_sparse_csv(path, kSparseVoxels).index.size());
    const datasets::Table table = datasets::read_csv(path);
    return fmt::format("table of {} x {}", table.rows.size(), table.header.size());
  }
  if (!datasets::volume_format(path).empty())
    return fmt::format("volume {}", datasets::read_volume(path, {"", follow_outside}).values.shape());
  const datasets::Image image = datasets::resize(datasets::to_rgb(datasets::read_image(path)), size.width, size.height);
  return fmt::format("picture {}", datasets::to_input(image, {}).shape());
}

}  // namespace

std::vector<nlohmann::ordered_json> load_lines(const BenchLoadOptions& options) {
  std::vector<nlohmann::ordered_json> lines;
  MEDUSA_CHECK_INPUT(options.repeats >= 1, "--repeats {}: expected 1 or more", options.repeats);
  const datasets::Extent size = datasets::Extent::parse(options.size, "--size");
  const Folder folder;
  for (const std::string& path : options.files.empty() ? made_files(folder.path) : options.files) {
    const std::string what = load(path, size, options.follow_outside);
    std::vector<double> cpu, wall;
    for (int i = 0; i < options.repeats; ++i) {
      const double cpu_start = clock_ms(CLOCK_PROCESS_CPUTIME_ID), start = clock_ms(CLOCK_MONOTONIC);
      load(path, size, options.follow_outside);
      wall.push_back(clock_ms(CLOCK_MONOTONIC) - start);
      cpu.push_back(clock_ms(CLOCK_PROCESS_CPUTIME_ID) - cpu_start);
    }
    const auto rounded = [](double ms) { return round_to(ms, 3); };
    lines.push_back({{"file", path},
                     {"loaded", what},
                     {"file_mb", rounded(static_cast<double>(fs::file_size(path)) / 1e6)},
                     {"cpu_ms", rounded(median(cpu))},
                     {"least_ms", rounded(*std::min_element(cpu.begin(), cpu.end()))},
                     {"most_ms", rounded(*std::max_element(cpu.begin(), cpu.end()))},
                     {"wall_ms", rounded(median(wall))},
                     {"repeats", options.repeats}});
  }
  return lines;
}

std::string load_text(const nlohmann::ordered_json& line) {
  return fmt::format("{:24} {:28} {:9.3f} MB {:9.2f} ms ({} to {})",
                     fs::path(line["file"].get<std::string>()).filename().string(), line["loaded"].get<std::string>(),
                     line["file_mb"].get<double>(), line["cpu_ms"].get<double>(), line["least_ms"].dump(),
                     line["most_ms"].dump());
}

void bench_load(const BenchLoadOptions& options) {
  for (const nlohmann::ordered_json& line : load_lines(options))
    if (options.json)
      print_json(line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    else
      print_line("{}", load_text(line));
}

}  // namespace medusa::tools

#include "tools/bench/tables.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tensor/file.h"
#include "tensor/isa.h"
#include "tensor/parallel.h"
#include "tools/bench/load.h"
#include "tools/bench/net.h"
#include "tools/bench/ops.h"
#include "tools/bench/roofline.h"
#include "tools/compare/subprocess.h"

namespace medusa::tools {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kTcmalloc = "/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4";

// A file for the output of child processes; removed at the end.
class Log {
 public:
  Log() {
    const int file = ::mkstemp(path_.data());
    MEDUSA_CHECK(file >= 0, "{}: cannot be made", path_);
    ::close(file);
  }
  ~Log() { ::unlink(path_.c_str()); }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // The last line of JSON that the command prints; null if it fails.
  Json run(const std::vector<std::string>& command) {
    std::ofstream(path_, std::ios::trunc).close();
    const std::string reason = run_child(command, path_);
    MEDUSA_CHECK(!interrupted(), "interrupted");
    if (!reason.empty()) return nullptr;
    Json last;
    std::istringstream text(read_text_file(path_));
    for (std::string line; std::getline(text, line);)
      if (line.rfind('{', 0) == 0) last = Json::parse(line);
    return last;
  }

 private:
  std::string path_ = (fs::temp_directory_path() / "medusa_bench_XXXXXX").string();
};

std::string cpu_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  return "unknown";
}

Json machine() {
  utsname system{};
  ::uname(&system);
  const double gib = static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE)) /
                     static_cast<double>(std::int64_t{1} << 30);
  return {{"table", "machine"},
          {"cpu", cpu_name()},
          {"cores", ::sysconf(_SC_NPROCESSORS_ONLN)},
          {"memory_gib", round_to(gib, 1)},
          {"system", fmt::format("{} {}", system.sysname, system.release)},
          {"compiler", __VERSION__},
          {"isa", name(isa())}};
}

// PyTorch, if it is available.
struct Peer {
  std::string python, folder;
  explicit operator bool() const { return !folder.empty(); }
};

Peer find_peer(Log& log) {
  const char *folder = std::getenv("MEDUSA_ORACLE"), *python = std::getenv("MEDUSA_PYTHON");
  if (folder == nullptr || !fs::exists(fs::path(folder) / "step.py") || !fs::exists(kTcmalloc)) return {};
  const Peer peer{python != nullptr && *python != '\0' ? python : "python3", folder};
  const Json found = log.run(
      {"/usr/bin/env", peer.python, "-c", "import json, torch; print(json.dumps({'torch': torch.__version__}))"});
  return found.is_null() ? Peer{} : peer;
}

class Tables {
 public:
  explicit Tables(const BenchTablesOptions& options) : options_(options), peer_(find_peer(log_)) {
    std::istringstream list(options.threads);
    for (std::string count; std::getline(list, count, ',');) {
      const int value = std::atoi(count.c_str());
      MEDUSA_CHECK_INPUT(value >= 1 && value <= 1024, "--threads {}: expected numbers from 1 to 1024, as in 1,2",
                         options.threads);
      threads_.push_back(value);
    }
    MEDUSA_CHECK_INPUT(!threads_.empty(), "--threads: expected numbers from 1 to 1024, as in 1,2");
  }

  void print() {
    about();
    peaks();
    steps();
    predictions();
    start();
    files();
    kernels();
  }

 private:
  void put(const Json& row, const std::string& text) const {
    if (options_.json)
      fmt::print("{}\n", row.dump());
    else
      fmt::print("{}\n", text);
    std::fflush(stdout);
  }
  void title(const std::string& text) const {
    if (!options_.json) fmt::print("\n{}\n", text);
    std::fflush(stdout);
  }

  void about() const {
    const Json m = machine();
    put(m, fmt::format("{}, {} cores, {} GiB; {}; compiler {}; instruction set {}", m["cpu"].get<std::string>(),
                       m["cores"].dump(), m["memory_gib"].dump(), m["system"].get<std::string>(),
                       m["compiler"].get<std::string>(), m["isa"].get<std::string>()));
  }

  // The machine's limits, by which the training steps are judged.
  void peaks() {
    title("peaks                multiply-adds       copy of 256 MiB");
    for (const int count : threads_) {
      set_threads(count);
      const double flops = fma_peak(0.3), bytes = copy_bandwidth(std::int64_t{1} << 28, 0.3);
      fma_[count] = flops / 1e9;
      put({{"table", "peaks"},
           {"threads", count},
           {"fma_gflops", round_to(flops / 1e9, 1)},
           {"copy_gbs", round_to(bytes / 1e9, 1)}},
          fmt::format("{} thread(s) {:15.1f} GFLOP/s {:15.1f} GB/s", count, flops / 1e9, bytes / 1e9));
    }
    set_threads(1);
  }

  // The faster layout of PyTorch; null without it.
  Json peer_step(const std::string& arch, const std::string& shape, int count) {
    Json best;
    const char* figure = count == 1 ? "cpu_ms" : "step_ms";
    for (const char* layout : {"", "--channels-last"}) {
      std::vector<std::string> command{"/usr/bin/env",
                                       fmt::format("LD_PRELOAD={}", kTcmalloc),
                                       "OMP_WAIT_POLICY=passive",
                                       "OPENBLAS_NUM_THREADS=1",
                                       peer_.python,
                                       (fs::path(peer_.folder) / "step.py").string(),
                                       arch,
                                       shape,
                                       "--threads",
                                       std::to_string(count),
                                       "--steps",
                                       std::to_string(options_.steps)};
      if (*layout != '\0') command.push_back(layout);
      const Json row = log_.run(command);
      if (!row.is_null() && (best.is_null() || row[figure] < best[figure])) best = row;
    }
    return best;
  }

  void steps() {
    title(
        "training step: forward, losses, backward, Adam    median (least to most), CPU time    memory       work      "
        "share of the multiply-adds");
    for (const char* arch : {"ctan", "hps"})
      for (const char* shape : {"2d", "3d"})
        for (const int count : threads_) step(arch, shape, count);
  }

  void step(const std::string& arch, const std::string& shape, int count) {
    Json row = log_.run({program_beside("bench"), "step", "--arch", arch, "--shape", shape, "--threads",
                         std::to_string(count), "--steps", std::to_string(options_.steps), "--json"});
    MEDUSA_CHECK(!row.is_null(), "bench step --arch {} --shape {} failed", arch, shape);
    const double ms = row["step_ms"], gflop = row["gflop"], rate = 1e3 * gflop / ms;
    std::string text = fmt::format(
        "{:5} {:3} {} thread(s) {:9.0f} ms ({} to {}), {} ms {:6} MB {:7.1f} GFLOP {:6.1f} "
        "GFLOP/s {:4.0f} %",
        arch, shape, count, ms, row["min_ms"].dump(), row["max_ms"].dump(), row["cpu_ms"].dump(),
        row["peak_rss_mb"].dump(), gflop, rate, 100 * rate / fma_.at(count));
    row["table"] = "step";
    row["gflops"] = round_to(rate, 1);
    row["of_peak"] = round_to(rate / fma_.at(count), 3);
    if (peer_) {
      const Json other = peer_step(arch, shape, count);
      if (!other.is_null()) {
        const char* figure = count == 1 ? "cpu_ms" : "step_ms";
        const double ratio = row[figure].get<double>() / other[figure].get<double>();
        const double memory = row["peak_rss_mb"].get<double>() / other["peak_rss_mb"].get<double>();
        row["peer"] = other;
        row["ratio"] = round_to(ratio, 3), row["memory_ratio"] = round_to(memory, 3);
        text += fmt::format("; PyTorch {} {} ms: {:.2f} of its time, {:.2f} of its memory",
                            other["torch"].get<std::string>(), other[figure].dump(), ratio, memory);
      }
    }
    put(row, text);
  }

  void predictions() {
    title("prediction, one input    latency (least to most)");
    for (const char* arch : {"ctan", "hps"})
      for (const char* shape : {"2d", "3d"})
        for (const int count : threads_) {
          Json row = log_.run({program_beside("bench"), "infer", "--arch", arch, "--shape", shape, "--threads",
                               std::to_string(count), "--repeats", std::to_string(3 * options_.steps), "--json"});
          MEDUSA_CHECK(!row.is_null(), "bench infer --arch {} --shape {} failed", arch, shape);
          const std::string text =
              fmt::format("{:5} {:3} {} thread(s) {:9.1f} ms ({} to {})", arch, shape, count,
                          row["latency_ms"].get<double>(), row["min_ms"].dump(), row["max_ms"].dump());
          row["table"] = "infer";
          put(row, text);
        }
  }

  // `train --help`: from the start of the program to its end.
  void start() {
    const std::string train = program_beside("train");
    if (!fs::exists(train)) return;
    std::vector<double> times;
    for (int i = 0; i < 21; ++i) {
      const double begin = wall_ms();
      log_.run({train, "--help"});
      times.push_back(wall_ms() - begin);
    }
    const auto [least, most] = std::minmax_element(times.begin(), times.end());
    title(fmt::format("start of train --help    {:.1f} ms ({:.1f} to {:.1f})", median(times), *least, *most));
    if (options_.json)
      put({{"table", "start"}, {"ms", round_to(median(times), 2)}, {"least_ms", *least}, {"most_ms", *most}}, "");
  }

  void files() const {
    title("loading, CPU time");
    BenchLoadOptions load;
    for (Json row : load_lines(load)) {
      const std::string text = load_text(row);
      row["table"] = "load";
      put(row, text);
    }
  }

  void kernels() const {
    title("kernels");
    BenchOpsOptions ops;
    ops.seconds = options_.seconds;
    ops.json = options_.json;
    bench_ops(ops);
  }

  const BenchTablesOptions& options_;
  Log log_;
  Peer peer_;
  std::vector<int> threads_;
  std::map<int, double> fma_;  // GFLOP/s by threads
};

}  // namespace

void bench_tables(const BenchTablesOptions& options) {
  MEDUSA_CHECK_INPUT(options.steps >= 1, "--steps {}: expected 1 or more", options.steps);
  Tables(options).print();
}

}  // namespace medusa::tools

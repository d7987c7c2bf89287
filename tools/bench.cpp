// bench: how long a training step takes, how much of the machine the kernels use, how long files take to load.
#include <nlohmann/json.hpp>

#include "tensor/parallel.h"
#include "tools/bench/infer.h"
#include "tools/bench/load.h"
#include "tools/bench/net.h"
#include "tools/bench/ops.h"
#include "tools/bench/roofline.h"
#include "tools/bench/step.h"
#include "tools/bench/tables.h"
#include "tools/cli/device.h"
#include "tools/cli/program.h"

namespace medusa::tools {
namespace {

struct RooflineOptions {
  std::int64_t mib = 256, side = 4096;
  double seconds = 0.5;
  DeviceChoice device;
  bool json = false;
};

void bench_roofline(const RooflineOptions& options) {
  MEDUSA_CHECK_INPUT(options.mib >= 1 && options.side >= 1, "--mib {}, --side {}: expected 1 or more", options.mib,
                     options.side);
  const Device device = open_device(options.device);
  const Roofline r = roofline(device, options.mib << 20, options.side, options.seconds);
  if (options.json) {
    const nlohmann::ordered_json line{{"device", device_text(device)},
                                      {"tf32", options.device.tf32},
                                      {"copy_gbs", r.copy / 1e9},
                                      {"upload_gbs", r.upload / 1e9},
                                      {"product_gflops", r.product / 1e9}};
    fmt::print("{}\n", line.dump());
    return;
  }
  fmt::print("{}\n{:22} {:.1f} GB/s within its memory, reads and writes counted\n{:22} {:.1f} GB/s from the host\n",
             device_text(device), "copy", r.copy / 1e9, "upload", r.upload / 1e9);
  fmt::print("{:22} {:.1f} GFLOP/s of matrices {} x {}{}\n", "product", r.product / 1e9, options.side, options.side,
             options.device.tf32 ? ", TF32" : "");
}

// ---- the command line: a function for each subcommand --------------------------------------------------------------

struct BenchOptions {
  int threads = 1;
  BenchTablesOptions tables;
  StepOptions step;
  InferOptions infer;
  BenchOpsOptions ops;
  BenchLoadOptions load;
  RooflineOptions roofline;
};

void add_threads(CommandLine& line, BenchOptions& o) {
  line.option("--threads", o.threads, "threads that compute; 0: all the machine has");
}

void add_tables(CommandLine& command, BenchOptions& o) {
  command.option("--steps", o.tables.steps, "tables: measured training steps for each row");
  command.option("--seconds", o.tables.seconds, "tables: time for each kernel, in seconds");
  command.option("--threads", o.tables.threads, "tables: numbers of threads, comma-separated");
  command.flag("--json", o.tables.json, "tables: one JSON object a line");
  command.footer(
      "With MEDUSA_ORACLE naming a folder of the same networks in PyTorch (step.py) and MEDUSA_PYTHON a Python that "
      "has\n"
      "torch (else: python3), the tables compare training steps with PyTorch's, run in turn.");
}

CommandLine& add_step(CommandLine& command, BenchOptions& o) {
  CommandLine& line = command.subcommand(
      "step", "one training step: forward, losses, backward, Adam, on random data; medians over --steps steps");
  line.option("--arch", o.step.arch, "architecture: stl (all tasks' networks in one step) or another of train's");
  line.option("--shape", o.step.shape, net_shapes_help());
  add_threads(line, o);
  line.option("--steps", o.step.steps, "measured steps");
  line.option("--warmup", o.step.warmup, "unmeasured steps before them");
  device_options(line, o.step.device);
  line.flag("--json", o.step.json, "one JSON line");
  line.footer(
      "Times are in milliseconds: step_ms and min_ms are wall time, cpu_ms is the sum over all threads.\n"
      "system_allocations counts those of the memory pool after the warm-up; it should be 0.\n"
      "On a GPU, launches (of kernels), products (of matrices), allocations, copies (between host and GPU) and\n"
      "synchronisations (the host waits for the GPU) are those of one step; the last three must be 0.");
  return line;
}

CommandLine& add_infer(CommandLine& command, BenchOptions& o) {
  CommandLine& line = command.subcommand(
      "infer", "one prediction: the forward pass in evaluation mode, on random data; median, least and most");
  line.option("--arch", o.infer.arch, "architecture: stl (all tasks' networks) or another of train's");
  line.option("--shape", o.infer.shape, net_shapes_help());
  line.option("--batch", o.infer.batch, "inputs at once, instead of the shape's own number");
  add_threads(line, o);
  line.option("--repeats", o.infer.repeats, "measured predictions");
  line.option("--warmup", o.infer.warmup, "unmeasured predictions before them");
  device_options(line, o.infer.device);
  line.flag("--json", o.infer.json, "one JSON line");
  return line;
}

CommandLine& add_ops(CommandLine& command, BenchOptions& o) {
  CommandLine& line = command.subcommand(
      "ops", "kernel by kernel: GFLOP/s of convolutions, GB/s of memory-bound kernels, against measured peaks");
  line.option("--only", o.ops.only, "only cases whose name or shape contains this text");
  add_threads(line, o);
  line.option("--seconds", o.ops.seconds, "time for each case, in seconds");
  line.flag("--json", o.ops.json, "one JSON object a line");
  return line;
}

CommandLine& add_load(CommandLine& command, BenchOptions& o) {
  CommandLine& line = command.subcommand(
      "load", "files into tensors: volumes, pictures (RGB, resized), tables; medians of --repeats times");
  line.option("--in", o.load.files,
              "files to load; default: a 128^3 .nii.gz, a 256x256 PNG and JPEG, an OpenKBP CT and a table as CSV, made "
              "for this");
  line.flag("--follow-outside", o.load.follow_outside, kFollowOutside);
  line.option("--size", o.load.size, "pictures are resized to it, HEIGHTxWIDTH");
  line.option("--repeats", o.load.repeats, "measured times");
  line.flag("--json", o.load.json, "one JSON object a line");
  line.footer("cpu_ms is CPU time, wall_ms wall time; the first load is not counted.");
  return line;
}

CommandLine& add_roofline(CommandLine& command, BenchOptions& o) {
  CommandLine& line = command.subcommand(
      "roofline", "peak rates of a device: copies within its memory and from the host, a large matrix product");
  line.option("--mib", o.roofline.mib, "size of what is copied, MiB");
  line.option("--side", o.roofline.side, "rows and columns of the matrices");
  line.option("--seconds", o.roofline.seconds, "time for each figure, in seconds");
  add_threads(line, o);
  device_options(line, o.roofline.device);
  line.flag("--json", o.roofline.json, "one JSON line");
  return line;
}

}  // namespace
}  // namespace medusa::tools

int main(int argc, char** argv) {
  using namespace medusa;
  using namespace medusa::tools;
  CommandLine command{
      "Times a training step of a network, the kernels one by one, or the loading of files.  Without a subcommand: "
      "tables of all of these, in two to five minutes.",
      "bench"};
  BenchOptions o;
  add_tables(command, o);
  const CommandLine &step = add_step(command, o), &infer = add_infer(command, o), &ops = add_ops(command, o),
                    &load = add_load(command, o), &roof = add_roofline(command, o);
  std::string less_memory;  // an option of the command that is run
  return run(
      command, argc, argv,
      [&] {
        MEDUSA_CHECK_INPUT(o.threads >= 0 && o.threads <= 1024, "--threads {}: expected 0 to 1024", o.threads);
        set_threads(o.threads);
        less_memory = infer.parsed()  ? kSmallerBatch
                      : load.parsed() ? kSmallerSize
                      : roof.parsed() ? "a smaller --mib needs less"
                                      : "";
        if (step.parsed())
          bench_step(o.step);
        else if (infer.parsed())
          bench_infer(o.infer);
        else if (load.parsed())
          bench_load(o.load);
        else if (roof.parsed())
          bench_roofline(o.roofline);
        else if (ops.parsed())
          bench_ops(o.ops);
        else
          bench_tables(o.tables);
      },
      less_memory);
}

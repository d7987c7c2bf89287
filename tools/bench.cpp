// bench: how long a training step takes, how much of the machine the kernels use, how long files take to load.
#include <nlohmann/json.hpp>

#include "tensor/parallel.h"
#include "tools/common/bench_infer.h"
#include "tools/common/bench_load.h"
#include "tools/common/bench_net.h"
#include "tools/common/bench_ops.h"
#include "tools/common/bench_step.h"
#include "tools/common/bench_tables.h"
#include "tools/common/device.h"
#include "tools/common/main.h"
#include "tools/common/roofline.h"

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

}  // namespace
}  // namespace medusa::tools

int main(int argc, char** argv) {
  using namespace medusa;
  using namespace medusa::tools;
  CommandLine command{
      "Times a training step of a network, the kernels one by one, or the loading of files.  Without a subcommand: "
      "tables of all of that, in two to five minutes.",
      "bench"};
  int thread_count = 1;
  BenchTablesOptions tables;
  command.option("--steps", tables.steps, "of the tables: measured training steps for each row");
  command.option("--seconds", tables.seconds, "of the tables: time for each kernel, in seconds");
  command.option("--threads", tables.threads, "of the tables: numbers of threads, with commas");
  command.flag("--json", tables.json, "of the tables: one JSON object a line");
  command.footer(
      "With MEDUSA_ORACLE naming a folder of the same networks in PyTorch (step.py) and MEDUSA_PYTHON a Python that "
      "has\n"
      "torch (else: python3), the tables set training steps beside PyTorch's, run in turn.");

  StepOptions step;
  CommandLine& step_app = command.subcommand(
      "step", "one training step: forward, losses, backward, Adam, on random data; medians over --steps steps");
  step_app.option("--arch", step.arch, "architecture: stl (all tasks' networks in one step), hps, mtan or ctan");
  step_app.option("--shape", step.shape, net_shapes_help());
  step_app.option("--threads", thread_count, "threads that compute; 0: all the machine has");
  step_app.option("--steps", step.steps, "measured steps");
  step_app.option("--warmup", step.warmup, "steps before them");
  device_options(step_app, step.device);
  step_app.flag("--json", step.json, "one JSON line");
  step_app.footer(
      "Times are in milliseconds: step_ms and min_ms by the clock, cpu_ms of all threads together.\n"
      "system_allocations counts those of the memory pool after the warm-up: 0 is right.\n"
      "On a GPU launches (of kernels), products (of matrices), allocations, copies (between host and GPU) and\n"
      "synchronisations (the host waits for the GPU) are those of one step: the last three must be 0.");

  InferOptions infer;
  CommandLine& infer_app = command.subcommand(
      "infer", "one prediction: the forward pass in evaluation mode, on random data; median, least and most");
  infer_app.option("--arch", infer.arch, "architecture: stl (all tasks' networks), hps, mtan or ctan");
  infer_app.option("--shape", infer.shape, net_shapes_help());
  infer_app.option("--batch", infer.batch, "inputs at once, instead of the shape's own number");
  infer_app.option("--threads", thread_count, "threads that compute; 0: all the machine has");
  infer_app.option("--repeats", infer.repeats, "measured predictions");
  infer_app.option("--warmup", infer.warmup, "predictions before them");
  device_options(infer_app, infer.device);
  infer_app.flag("--json", infer.json, "one JSON line");

  BenchOpsOptions ops;
  CommandLine& ops_app = command.subcommand(
      "ops", "kernel by kernel: GFLOP/s of convolutions, GB/s of what memory bounds, against measured peaks");
  ops_app.option("--only", ops.only, "only cases whose name or shape contains this text");
  ops_app.option("--threads", thread_count, "threads that compute; 0: all the machine has");
  ops_app.option("--seconds", ops.seconds, "time for each case, in seconds");
  ops_app.flag("--json", ops.json, "one JSON object a line");

  BenchLoadOptions load;
  CommandLine& load_app = command.subcommand(
      "load", "files into tensors: volumes, pictures (RGB, resized), tables; medians of --repeats times");
  load_app.option(
      "--in", load.files,
      "files to load; default: a 128^3 .nii.gz, a 256x256 PNG and JPEG, an OpenKBP CT and a table as CSV, made for it");
  load_app.option("--size", load.size, "pictures are resized to it, HEIGHTxWIDTH");
  load_app.option("--repeats", load.repeats, "measured times");
  load_app.flag("--json", load.json, "one JSON object a line");
  load_app.footer("cpu_ms is the processor's time, wall_ms that of the clock; the first time is not counted.");

  RooflineOptions roof;
  CommandLine& roof_app = command.subcommand(
      "roofline", "what a device does at most: copies within its memory and from the host, a large matrix product");
  roof_app.option("--mib", roof.mib, "size of what is copied, MiB");
  roof_app.option("--side", roof.side, "rows and columns of the matrices");
  roof_app.option("--seconds", roof.seconds, "time for each figure, in seconds");
  roof_app.option("--threads", thread_count, "threads that compute; 0: all the machine has");
  device_options(roof_app, roof.device);
  roof_app.flag("--json", roof.json, "one JSON line");

  return run(command, argc, argv, [&] {
    MEDUSA_CHECK_INPUT(thread_count >= 0 && thread_count <= 1024, "--threads {}: expected 0 to 1024", thread_count);
    set_threads(thread_count);
    if (step_app.parsed())
      bench_step(step);
    else if (infer_app.parsed())
      bench_infer(infer);
    else if (load_app.parsed())
      bench_load(load);
    else if (roof_app.parsed())
      bench_roofline(roof);
    else if (ops_app.parsed())
      bench_ops(ops);
    else
      bench_tables(tables);
  });
}

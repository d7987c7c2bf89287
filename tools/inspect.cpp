// inspect: what is in a file, or in the folder of a training run; what a network's attention looks at.
#include "tools/inspect/inspect.h"

#include <fmt/format.h>

#include "datasets/split.h"
#include "mtl/training/run_folder.h"
#include "tensor/check.h"
#include "tensor/file.h"
#include "tensor/parallel.h"
#include "tools/cli/program.h"

namespace medusa::tools {
namespace {

void print(const Json& json, bool as_json) {
  if (as_json)
    print_json(json.dump(-1, ' ', false, Json::error_handler_t::replace));
  else
    print_text(json);
}

// Problems stand below the tables, a line each.
void check_dataset(const DatasetCheck& check, bool as_json) {
  std::size_t problems = 0;
  Json json = inspect_dataset(check, &problems);
  if (!as_json) {
    const Json lines = json["problems"], notes = json.value("notes", Json::array());
    json.erase("problems");
    json.erase("notes");
    print(json, false);
    for (const Json& note : notes) print_lines("\nnote: " + printable(note.get<std::string>()) + "\n");
    fmt::print("\n{} problems\n", problems);
    for (const Json& line : lines) print_line("{}", line.get<std::string>());
  } else {
    print(json, true);
  }
  MEDUSA_CHECK_INPUT(problems == 0, "{}: {} problems", check.data, problems);
}

// The division of a run's samples, as train's --split-file reads it.
void write_parts(const std::string& run, const std::string& file) {
  MEDUSA_CHECK_INPUT(!run.empty(), "--parts: takes the folder of a run, as in inspect RUN --parts {}", file);
  const std::optional<mtl::Provenance> made = mtl::RunFolder(run).provenance();
  MEDUSA_CHECK_INPUT(made, "{}: has no {}, which says the parts", run, mtl::RunFolder::name(mtl::RunFile::Provenance));
  write_file(file, datasets::split_text(made->train, made->val, made->test));
}

void inspect(const std::string& path, const AttentionOptions& attention, bool as_json) {
  Json json;
  if (!attention.out.empty()) {
    MEDUSA_CHECK_INPUT(path.empty(), "--attention takes the run by --run and the picture by --input, found also {}",
                       path);
    json = inspect_attention(attention);
  } else {
    const AttentionOptions& a = attention;
    MEDUSA_CHECK_INPUT((a.run + a.input + a.query + a.truth + a.data).empty() && a.device.device == "cpu",
                       "--run, --input, --query, --truth, --data and --device belong to --attention");
    MEDUSA_CHECK_INPUT(!path.empty(), "file is required: a file, or the folder of a run");
    MEDUSA_CHECK_INPUT(std::filesystem::exists(path), "{}: there is no such file or folder", path);
    json = std::filesystem::is_directory(path) ? describe_run(path) : describe_file(path, a.follow_outside);
  }
  print(json, as_json);
}

}  // namespace
}  // namespace medusa::tools

int main(int argc, char** argv) {
  medusa::tools::CommandLine command{
      "Says what is in a file: PNG, JPEG, safetensors (a checkpoint), CSV, a volume (NIfTI, MetaImage, NRRD, npy, "
      "npz);\n"
      "or in the folder of a training run.\n"
      "Shapes are height, width, channels for pictures, rows and columns for tables, sizes in the order of the file's\n"
      "header for volumes: along i, j, k, then channels or time (.npy: as numpy says).  spacing_mm is along i, j, k, "
      "the\n"
      "affine maps i, j, k to RAS+ mm, orientation is the side towards which each axis grows.\n"
      "With --dataset and --data, checks every sample of a dataset: counts, class balance, sizes, spacings, "
      "intensities, "
      "and\n"
      "every problem found; exit status 2 if there is one.\n"
      "With --attention, draws what the network of a run (arch mtan or ctan) looks at in a picture.",
      "inspect"};
  std::string path, parts;
  medusa::tools::AttentionOptions attention;
  bool json = false;
  medusa::tools::DatasetCheck check;
  int threads = 0;
  command.option("file", path, "file, or folder of a run");
  command.flag("--json", json, "one JSON object instead of text");
  command.option("--parts", parts, "file to write: which sample of the run is in which part, for train's --split-file");
  command.option("--dataset", check.dataset, "check the dataset of this layout in the folder --data");
  command.option("--size", check.size, "with --dataset: the size at which labels are counted; default: its own");
  command.flag("--follow-outside", attention.follow_outside, medusa::tools::kFollowOutside);
  command.option("--threads", threads, "threads to use; 0: all the machine has").range(0, 1024);
  command.option("--attention", attention.out, "folder for the pictures of attention, made if needed");
  command.option("--run", attention.run,
                 fmt::format("folder of the training run; its {} is used",
                             medusa::mtl::RunFolder::name(medusa::mtl::RunFile::Best)));
  command.option("--input", attention.input, "the picture to look at, PNG or JPEG");
  command.option("--query", attention.query,
                 "Y,X: the place, in pixels of the picture, whose attention at the bottleneck is shown; default: the "
                 "middle of the predicted lesion");
  command.option("--truth", attention.truth,
                 "the true mask, a PNG as large as the picture, drawn beside the predicted one");
  command.option(
      "--data", attention.data,
      "folder of the dataset to check; with --attention, of one that has the picture: its true mask and class are "
      "shown");
  medusa::tools::device_options(command, attention.device);
  return medusa::tools::run(
      command, argc, argv,
      [&] {
        medusa::set_threads(threads);
        if (check.dataset.empty()) {
          MEDUSA_CHECK_INPUT(check.size.empty(), "--size: only with --dataset");
          if (!parts.empty()) return medusa::tools::write_parts(path, parts);
          return medusa::tools::inspect(path, attention, json);
        }
        MEDUSA_CHECK_INPUT(path.empty() && attention.out.empty(),
                           "--dataset: takes the folder by --data, found also {}", path.empty() ? "--attention" : path);
        check.data = attention.data;
        check.follow_outside = attention.follow_outside;
        medusa::tools::check_dataset(check, json);
      },
      medusa::tools::kFewerThreads);
}

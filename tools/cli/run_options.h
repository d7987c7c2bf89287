// What determines a training run: its options, saved in the run's folder, and what is made from them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datasets/loader.h"
#include "datasets/options.h"
#include "datasets/split.h"
#include "mtl/balancing/balancer.h"
#include "mtl/networks/model.h"
#include "mtl/training/evaluate.h"
#include "mtl/training/run_folder.h"
#include "nn/optim.h"
#include "nn/schedule.h"
#include "tensor/options.h"
#include "tools/cli/cli.h"
#include "tools/cli/device.h"

namespace medusa::tools {

struct RunOptions {
  std::string data;  // the dataset's folder
  std::string dataset = "ham10000";
  std::string size;                 // height x width (of volumes depth first) of the inputs; "": the dataset's own
  std::vector<double> spacing;      // mm along depth, height, width, or one for all; empty: the dataset's own
  std::vector<std::string> inputs;  // inputs besides the image, if the dataset has more
  std::vector<std::string> tasks;   // those of the dataset's targets to learn; empty: all
  std::string patch;                // to train on pieces of that size; "": on whole samples
  double foreground = 0.5, overlap = 0.5;
  double val_fraction = 0.2, test_fraction = 0;
  datasets::Fold fold;     // of cross-validation; folds = 0: none
  std::string split_file;  // the parts, CSV; "": made by the options above
  std::int64_t cache_mib = 1024;
  std::string cache_disk;  // folder; "": none
  bool follow_outside = false;
  int workers = 2;

  std::string arch = "hps";
  std::string backbone = "resunet", norm = "batch";
  std::vector<std::int64_t> widths;                  // empty: the backbone's own
  std::string pretrained;                            // a run, or a file with the encoders' initial weights; "": none
  bool fresh_heads = false;                          // pretrained by a run: all but the heads
  std::map<std::string, OptionValues> arch_options;  // by architecture, without "<arch>-"; absent: the defaults

  std::int64_t epochs = 20, batch = 16;
  std::uint64_t seed = 0;
  nn::OptimizerOptions optimizer;
  nn::ScheduleOptions schedule;
  mtl::BalanceOptions balancing;  // its seed is `seed`
  double clip = 0;
  std::string select = "joint";
  std::int64_t patience = 0;
  std::vector<std::string> losses, loss_weights;  // "TASK=LOSS", "TASK=2"
  std::string class_weights = "sqrt";
  bool weighted_sampling = false, no_augment = false;
  datasets::AugmentOptions augment;

  int threads = 0;
  DeviceChoice device;
  double save_every = 600;  // seconds

  RunOptions();
  void declare(Options& o);
};

// Fills in what was left to the dataset and the backbone: size and widths.
void complete(RunOptions* options);
// Makes the paths among the options absolute: a run may be resumed from another folder.
void absolute_paths(RunOptions* options);

// The options of a run as command-line options and config-file entries.
void add_run_options(CommandLine& command, RunOptions& options);
// Throws InputError naming the first option that is out of range.
void check(const RunOptions& options);

// The options as the text of a config file, and as its entries in order.
struct ConfigEntry : OptionRow {
  std::string value;  // as the file has it
};
std::string config_text(const RunOptions& options);
std::vector<ConfigEntry> config_entries(const RunOptions& options);
// The first option that differs between `before` and `now` although `may_change` does not allow it.
struct ConfigChange {
  std::string name, before, now;
};
std::optional<ConfigChange> first_change(const RunOptions& before, const RunOptions& now,
                                         const std::function<bool(const OptionRow&)>& may_change);

// A line for each option that was changed and has no effect, because the run has another architecture or balancing.
std::vector<std::string> without_effect(const RunOptions& options);

// Writes the run's config file and reads it back.  Throws InputError naming the first option that is another one then,
// and leaves what was there before: the run could not be resumed, or would be resumed as another.
void save_config(const mtl::RunFolder& folder, const RunOptions& options);
// The options of an existing run, as saved in its folder.  Throws InputError if they are not those that it was begun
// with; prints a note if it has no record of that.
RunOptions read_run_options(const std::string& run_folder);

// Sets what an older version began the run in `folder` with, where that is no option in its config file.
void set_older_defaults(const mtl::RunFolder& folder, RunOptions* options);

// The size of the inputs (the dataset's own where none is given), and of the pieces: none where there is no --patch.
datasets::Extent size_of(const RunOptions& options);
datasets::Extent patch_of(const RunOptions& options);
// The pieces that a run trains on, and the window through which it looks at whole samples; without --patch no size.
datasets::PatchOptions patch_options(const RunOptions& options);
mtl::SlidingWindow window_of(const RunOptions& options);

// How to open the dataset of a run.
datasets::DatasetOptions dataset_options(const RunOptions& options);

// Which of its samples train, validate and test.
datasets::Split make_split(const RunOptions& options, const datasets::Dataset& dataset, bool for_training = true);

// "  <task>  <metric> <value> ..." lines for people; a value that is not defined is "-".
std::string metrics_table(const std::vector<mtl::Task>& tasks, const mtl::Evaluation& evaluation);

}  // namespace medusa::tools

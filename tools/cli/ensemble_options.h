// --ensemble and --tta: a run's network, or the mean of several runs' and of flipped images.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "mtl/inference/ensemble.h"
#include "tools/cli/cli.h"
#include "tools/cli/run_options.h"

namespace medusa::tools {

struct EnsembleOptions {
  std::vector<std::string> others;  // folders of runs
  bool flips = false;

  void add_to(CommandLine& command);
  bool on() const { return flips || !others.empty(); }
};

// The best network of the run in `folder`, whose options are `run`; with options that are on, an Ensemble of it and the
// others.  Throws InputError, naming runs and what was expected, where weights are missing or another run's, where a
// run is given twice or differs from the first in dataset, inputs, tasks, window or flips, and where flips are asked
// for and training made none.
std::unique_ptr<mtl::Model> load_network(const std::string& folder, const RunOptions& run,
                                         const EnsembleOptions& options);

// "mean of 2 runs x 4 views of the image: A, B", the same as JSON, or "" where nothing is averaged.
std::string ensemble_text(const std::string& folder, const EnsembleOptions& options, const mtl::Model& network);
std::string ensemble_json(const std::string& folder, const EnsembleOptions& options, const mtl::Model& network);

// Throws InputError, naming the run and how many, if one of the members was trained on some of the samples `chosen`,
// the part `part` of the dataset.  Says on stderr how many a member chose its epoch by, where `part` is not "val".  Of
// "all" samples of other data (not `same_data`), whose ids may be equal by chance, it only says how many have the ids
// of a member's training samples.
void check_unseen(const std::string& folder, const EnsembleOptions& options, const datasets::Dataset& dataset,
                  const std::vector<std::int64_t>& chosen, const std::string& part, bool same_data);

}  // namespace medusa::tools

// A run's folder: every file of a training run, its name, how it is written and read.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "mtl/networks/model.h"
#include "mtl/training/progress.h"
#include "mtl/training/provenance.h"
#include "mtl/training/train_state.h"
#include "nn/optim.h"

namespace medusa::mtl {

// Parameters and buffers by name, with memory of their own.
using Weights = std::map<std::string, Tensor>;
Weights copy_weights(const Model& model);
void set_weights(Model& model, const Weights& weights);

// The files of a run.  RunFolder alone knows what they are called.
enum class RunFile {
  Config,       // the options, TOML
  Description,  // how a case becomes an input and what the outputs mean, TOML; optional (see Predictor)
  Metrics,      // a line of JSON for each epoch
  Best,         // the weights that the validation set chose
  Last,         // weights, optimisers and training state to resume from
  Result,       // final metrics of the best weights, JSON
  Provenance,   // what the run was made of, JSON; runs of older versions lack it
  Cost          // parameters, operations, memory, JSON
};

class RunFolder {
 public:
  // "" stands for no folder: nothing is written.  Else the folder must exist before the first write.  `run`: the
  // identity() of the run, which the files that are written here carry; "": none.
  explicit RunFolder(std::string path, std::string run = "") : path_(std::move(path)), run_(std::move(run)) {}
  const std::string& path() const { return path_; }

  static const char* name(RunFile file);
  std::string file(RunFile file) const;  // its path, whether or not it is there
  bool has(RunFile file) const;
  std::string table_file(const std::string& about, const std::string& part) const;  // whether or not it is there
  std::string need(RunFile file) const;  // its path; throws InputError if the folder or the file does not exist
  bool begun() const { return has(RunFile::Config); }
  bool finished() const { return begun() && has(RunFile::Result); }

  // ---- writing: each file appears whole or not at all

  // Creates the folder if it does not exist.
  void make() const;
  // Writes the text of Config, Provenance, Result or Cost.  The last two are JSON and get a checksum; the Result says
  // which run and which Best it belongs to.
  void save(RunFile file, const std::string& text) const;
  void save_last(const Model& model, const std::vector<std::unique_ptr<nn::Optimizer>>& optimizers,
                 const TrainState& state) const;
  void save_best(Model& model, const Weights& best, const TrainState& state) const;  // the model comes back unchanged
  // Writes a table about a part of the data ("val", "test"): "cases", what was found about each case, or "dvh", the
  // figures of each patient's dose.
  void save_table(const std::string& about, const std::string& part, const std::string& text) const;
  // Adds an epoch to the metrics.
  void add_epoch(const std::vector<Task>& tasks, const EpochReport& report);
  // Saves Dataset::description(), if the dataset has one.  Throws InputError, and changes nothing, if the run already
  // has a different one.
  void keep_description(const datasets::Dataset& dataset) const;
  // Removes the Result and the tables: the run is not finished any more.
  void remove_result() const;
  // Whether the folder holds only what a program wrote that was killed before the run had begun.
  bool only_prepared() const;
  // Removes half-written files of a program that was killed, and those that only_prepared() means.
  void remove_unfinished() const;

  // ---- reading

  // Throws InputError if one of the options in Config, text by name as the file has it, is not as Provenance has it.
  void check_options(const std::map<std::string, std::string>& values) const;
  // An option of Config as text, a string without its quotes; "" if the file or the option is absent.
  std::string option(const std::string& name) const;
  // "'old', the dataset now says 'new'": the first line of the description where the dataset makes inputs in another
  // way than the run did; "" if there is none, or the run has no description.
  std::string changed_inputs(const datasets::Dataset& dataset) const;
  // The same for the whole descriptions of this run and another: "'here', OTHER says 'there'".
  std::string other_description(const RunFolder& other) const;
  // Throws InputError if Best is missing, or is not that of the Result or the Last beside it.
  void check_weights() const;
  std::string weights() const;  // the path of Best, checked
  // The text of Description, a file that is there.  Throws InputError if it is not what the Provenance says of inputs.
  std::string description() const;
  // The epochs so far, a JSON object each, as add_epoch wrote them: {"epoch": 1, "loss": {"<task>": ...}, ...}.  Throws
  // InputError with file and line if one is malformed, damaged or missing, or if the file is missing.
  std::vector<std::string> epochs() const;
  // None where the run was begun by an older version, which saved none.
  std::optional<Provenance> provenance() const;
  // The JSON text of Result or Cost without its checksum.  Throws InputError if the file is missing, damaged, not JSON
  // or another run's.
  std::string json(RunFile file) const;

  // False if there is no Last to resume from.  Else fills in model, optimisers, state and best weights, and drops later
  // epochs from the metrics.  Throws InputError if the file is damaged, or belongs to another network or to other data
  // than state->data.
  bool resume(Model& model, const std::vector<std::unique_ptr<nn::Optimizer>>& optimizers, TrainState* state,
              Weights* best);

 private:
  std::string path_, run_;
  std::vector<std::string> lines_;  // of the metrics
};

}  // namespace medusa::mtl

// Provenance: what a training run was made of, so that whoever uses the run can tell whether it is still the same.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "datasets/split.h"
#include "mtl/task.h"

namespace medusa::mtl {

struct Provenance {
  // One start of the program: the first, and one for each time the run was resumed.
  struct Start {
    std::string date, host;             // "2026-11-28T20:15:00Z"
    std::string version, commit;        // of the program
    std::string numbers, instructions;  // "float32"; the instruction set, which decides the last bits
    std::vector<std::string> command;
    bool operator==(const Start&) const = default;
  };
  std::string run;                             // its identity(), as it was begun
  std::vector<std::string> train, val, test;   // ids of the samples of each part
  std::vector<datasets::TargetInfo> targets;   // the run's tasks, in order
  std::string inputs;                          // how samples are made: Dataset::description(), or their size
  std::map<std::string, std::string> options;  // those that decide the result, as config.toml has them
  std::vector<Start> starts;
};

// Of a run on the samples `split` of `dataset`; without options and starts.
Provenance provenance_of(const datasets::Dataset& dataset, const datasets::Split& split,
                         const std::vector<Task>& tasks);
// "36 + 12 + 12 samples (1a2b..)": the ids of the three parts in order.
std::string samples_text(const Provenance& provenance);

// What became of the samples: "gone: a, b; new: c; moved to another part: d", "in another order", or "" if they are
// the same.
std::string sample_changes(const Provenance& before, const Provenance& now);
// A hash of everything but the starts.  The weights and the result of a run carry it, so that it shows if one of them
// comes from another run.
std::string identity(const Provenance& provenance);

// As the JSON text of the run's file, with a checksum, and back.  Throws InputError that begins with `where` if the
// text is malformed, damaged or of a newer version.
std::string to_json(const Provenance& provenance);
Provenance provenance_from_json(const std::string& text, const std::string& where);

// The run's parts among the samples that `dataset` has today.
struct KnownSamples {
  datasets::Split split;                                     // those that are still there
  std::vector<std::string> gone_train, gone_val, gone_test;  // ids that are not
  std::vector<std::string> added;                            // ids that the run did not have
};
KnownSamples known_samples(const Provenance& provenance, const datasets::Dataset& dataset);

}  // namespace medusa::mtl

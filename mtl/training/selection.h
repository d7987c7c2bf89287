// Selection: which epoch's weights a run keeps as its best.
#pragma once

#include <string>
#include <vector>

#include "mtl/training/evaluate.h"

namespace medusa::mtl {

// joint     one epoch for all tasks, by score() over all of them: the same rule for every architecture
// per-task  the tasks of each group (Model::groups) have an epoch of their own, which only STL can use
// last      the last epoch: nothing is chosen
// mean      as per-task, by the plain mean of the metrics: what runs of older versions were begun with
std::vector<std::string> selections();

// How good a result is for some tasks, larger is better: the mean over them of  +-log max(M, 1e-3),  M the task's
// primary metric, minus where smaller is better.  A relative change counts the same in every task, whatever its
// metric's unit and size, so no baseline is needed.  Tasks without a value (NaN) are left out; NaN if no task has one.
struct Judged {
  double value;  // M
  bool larger_is_better;
};
double score(std::vector<Judged> figures);
double score(const std::vector<Task>& tasks, const Evaluation& evaluation, const std::vector<std::size_t>& group);
// The mean of +-M; metrics in units are divided by Task::scale.
double mean_score(const std::vector<Task>& tasks, const Evaluation& evaluation, const std::vector<std::size_t>& group);

// The tasks whose results decide for a group, and how good an epoch is for them.  `selection`: one of selections();
// epoch: from 1.  Without a validation result (evaluation null), and where score() is NaN, it is minus the mean of the
// training losses, of which NaN ones are left out.
double epoch_score(const std::string& selection, const std::vector<Task>& tasks, const Evaluation* evaluation,
                   const std::vector<double>& losses, const std::vector<std::size_t>& group, std::int64_t epoch);

}  // namespace medusa::mtl

// What a training run reports while it runs, and its display on a console.
#pragma once

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "mtl/training/evaluate.h"

namespace medusa::mtl {

struct StepReport {
  std::int64_t epoch, epochs;   // epoch: from 1
  std::int64_t batch, batches;  // batches done in this epoch
  std::vector<double> losses;   // per task, means over this epoch so far; NaN: no labelled sample yet
  double images_per_second;
  double seconds_left;  // of the whole run, validation included
};

struct EpochReport {
  std::int64_t epoch = 0, epochs = 0, step = 0;  // epoch: from 1; step: total steps so far
  double lr = 0;                                 // of the epoch's last step
  std::vector<double> losses;                    // per task, means over the training samples; NaN: none
  std::optional<Evaluation> val;
  std::vector<BottleneckFigures> bottleneck;  // on the first validation batch; empty: the network has none
  double grad_norm = 0, grad_norm_max = 0;    // before clipping: mean and maximum over the epoch's steps
  // Task balancing: means of the weights over all steps, and of |g_t| and the cosines (row-major T x T) over the steps
  // that measured them; NaN: none did.  Without shared parameters there are no g_t.
  bool shares = false;
  std::vector<double> task_weights, shared_norms, cosines;
  double seconds = 0, images_per_second = 0;  // training and validation; training alone
  double waited_share = 0;                    // part of the training time spent waiting for a batch
  std::vector<bool> improved;                 // per group of tasks: a new best
};

class Progress {
 public:
  virtual ~Progress() = default;
  virtual void step(const StepReport&) {}
  virtual void epoch(const EpochReport&) {}
  virtual void note(const std::string&) {}
};

// If `out` is a terminal, a bar that is redrawn in place; else a line per epoch and one a minute in between.
class ConsoleProgress : public Progress {
 public:
  ConsoleProgress(std::vector<Task> tasks, std::FILE* out, bool terminal);
  ~ConsoleProgress() override;
  void step(const StepReport& report) override;
  void epoch(const EpochReport& report) override;
  void note(const std::string& text) override;
  // What kept it from writing (an errno), such as a full disk or a reader that has gone; 0: nothing.  It is silent
  // then.
  int error() const { return error_; }

 private:
  void write(const std::string& text);
  void erase();
  std::string losses(const std::vector<double>& values) const;

  const std::vector<Task> tasks_;
  std::FILE* out_;
  bool terminal_, drawn_ = false;
  int error_ = 0;
  std::chrono::steady_clock::time_point last_;
};

// "1:02:03", "4:05".
std::string clock_text(double seconds);

}  // namespace medusa::mtl

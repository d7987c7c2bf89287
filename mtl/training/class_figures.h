// Figures of answers yes or no, each with a score, against the truth.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "mtl/task.h"
#include "mtl/training/case_table.h"

namespace medusa::mtl {

struct YesNo {
  bool truth, answer;
  double score;  // larger: rather yes
};

// Of the answers, of which TP, TN, FP, FN are the numbers of true and false positives and negatives.  NaN: no case
// defines it.
double accuracy(const std::vector<YesNo>& answers);     // (TP + TN) / all
double sensitivity(const std::vector<YesNo>& answers);  // TP / (TP + FN)
double specificity(const std::vector<YesNo>& answers);  // TN / (TN + FP)
double f1(const std::vector<YesNo>& answers);           // 2 TP / (2 TP + FP + FN)

// One bin of probabilities: how many cases fall into it, their mean probability, and how many of them are true.
struct ReliabilityBin {
  double low = 0, high = 0, cases = 0, probability = 0, truth = 0;  // probability and truth: means; NaN without a case
};
// Bins of equal width from 0 to 1; p = 1 falls into the last.
std::vector<ReliabilityBin> reliability(const std::vector<YesNo>& answers, const std::function<double(double)>& p,
                                        int bins = 15);

// A figure by the name that metrics have: accuracy, balanced_accuracy, sensitivity, specificity, f1, auc, auprc, and of
// the probabilities p(score)
//   brier  mean of (p - truth)^2
//   ece    the expected calibration error (Guo et al. 2017): over the bins, sum (cases / all) |probability - truth|
// Throws Error on another name.
double yes_no_figure(const std::string& name, const std::vector<YesNo>& answers,
                     const std::function<double(double)>& p);

// The name of a column or metric of class (binary: channel) c: name.<label>; where there is only one, name.
std::string class_column(const Task& task, const std::string& name, std::int64_t c);

// What the cases of these rows say.  Classes that exclude each other: whether it is class c and whether c was
// predicted, with the class's log probability as score.  Binary: channel c, with the logit, which is a yes above the
// threshold.
std::vector<YesNo> class_answers(const Task& task, const CaseTable& cases, const Rows& rows, std::int64_t c,
                                 double threshold = 0);
// Classes that exclude each other: whether the predicted class is right, with its log probability; always a yes.
std::vector<YesNo> top_answers(const Task& task, const CaseTable& cases, const Rows& rows);

// What makes a probability of such a score: exp of a log probability, the logistic function of a logit.
std::function<double(double)> probability_of(const Task& task);

// confusion[t][p]: how many cases of class t were predicted as p.  `cases`: of a classification task.
std::vector<std::vector<std::int64_t>> confusion_matrix(const Task& task, const CaseTable& cases);

// Binary: per channel the logit that divides best, by sensitivity + specificity (Youden 1950), half-way between two
// cases' logits; of several the one nearest to 0; 0 if all cases are of one kind.  Meant for the validation set.
std::vector<double> best_thresholds(const Task& task, const CaseTable& cases);

}  // namespace medusa::mtl

// What single figures do not say about a classifier: which classes it confuses, and whether its probabilities hold.
#pragma once

#include <string>

#include "mtl/training/evaluate.h"

namespace medusa::tools {

// Of each task with classes for whole images
//   confusion    [true class][predicted class], numbers of cases
//   reliability  bins of the predicted class's probability (binary: of yes, all channels together):
//                {"low", "high", "cases", "probability", "truth"}, bins without a case left out
// as JSON {"<task>": {...}, ...}.
std::string class_report_json(const std::vector<mtl::Task>& tasks, const mtl::Evaluation& evaluation);
// The same as lines for people.
std::string class_report_text(const std::vector<mtl::Task>& tasks, const mtl::Evaluation& evaluation);

}  // namespace medusa::tools

// What happens to pictures whose kind is not the network's, said before they are read.
#pragma once

#include <string>
#include <vector>

#include "datasets/cases/case_dataset.h"

namespace medusa::datasets {

// The largest value of a picture in the numbers of the input's window, mean and std: 65535 where one of these is beyond
// 256, else 255.
double picture_maximum(const CaseInput& input);

// A line for each input and change that pictures of it go through: colour becomes grey, grey becomes colour, 16 bits
// are brought to numbers of 0 to 255, or 8 bits to 0 to 65535.  Reads the first bytes of each picture.
std::vector<std::string> picture_notes(const std::vector<CaseInput>& inputs, const std::vector<CaseRow>& rows);

}  // namespace medusa::datasets

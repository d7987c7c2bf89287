// Your own data, described by two files: dataset.toml says what there is, a table (CSV) lists the cases.
#pragma once

#include "datasets/cases/case_dataset.h"

namespace medusa::datasets {

// clang-format off
// FOLDER/dataset.toml:
//   manifest = "cases.csv"         the table, beside it; this name if none is given
//   size = "64x64x64"              DEPTHxHEIGHTxWIDTH of volumes, HEIGHTxWIDTH of pictures; the tools' --size overrides it
//   spacing = [3, 2, 2]            volumes: mm along depth, height, width; or
//   field_of_view = 384            the mm that each side shows; neither: all of the volume
//   [input.ct]                     an input image (one or several)
//   column = "ct"                  in cases.csv; the input's name (here ct) if none is given
//   channels = 1                   3: colour
//   window = [-160, 240]           and mean, std, normalise = "case": see CaseInput
//   [target.organs]                what the network learns (one or several)
//   kind = "structures"            segmentation, structures, regression, classification, binary, scalar
//   classes = ["Bladder"]          segmentation, classification: in the order of their numbers
//   column, columns = [...]        columns: of structures, binary and scalar, one for each class; the classes' names if not given
//   values = [0, 64]               segmentation: the number of each class in the file
//   unit = "Gy", scale = 70        regression, scalar: what is learnt is value / scale
//   channels = 1                   regression
//   mask = "body"                  segmentation, regression: column of files that are 0 where the target does not count
//   only_if = "cancer"             column with 0 or 1: where it is 0 the case has no label
//   loss = "dice+focal"            instead of the kind's own, see mtl/losses.h; loss_weight = 2: its factor in the sum
//   mirrored = [["FemurL", "FemurR"]]   classes that swap in a mirrored case
// clang-format on
// The table: case, an id that occurs once; split (train, validation, test), optional; group, optional: a split keeps
// the cases of one group together; a column per file or label, files relative to the table, "x.npz#dose" for an array
// of an archive.  An empty cell: no label.  Throws InputError with file:line, what was expected and what was found.
CasePlan folder_plan(const DatasetOptions& options);
// The size that dataset.toml names; throws InputError if it names none.
Extent folder_size(const std::string& folder);

}  // namespace medusa::datasets

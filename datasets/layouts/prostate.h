// Patients with CT, dose and outlines in the layout `prostate`, which needs only a table.
#pragma once

#include "datasets/cases/case_dataset.h"

namespace medusa::datasets {

// FOLDER/cases.csv with the columns case, ct (HU), dose (Gy), optionally split, group and body (where the dose counts);
// every other column is a structure: a mask, or empty if it was not outlined.  NIfTI files or the arrays of `convert
// dicom`.  Input: CT, -160..240 HU, a cube of 384 mm.  Targets: structures, and dose (Gy / 70).  Pairs whose names
// differ only in the words l, lt, left and r, rt, right (in any case, anywhere between '_', '-', '.' and spaces), or in
// Left and Right at a word's end or beginning, swap in a mirrored patient.  The notes name the pairs, and each
// structure with such a word and no partner.
CasePlan prostate_plan(const DatasetOptions& options);

}  // namespace medusa::datasets

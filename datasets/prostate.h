// Patients with CT, dose and outlines in the layout `prostate`, which needs a table alone.
#pragma once

#include "datasets/cases/cases.h"

namespace medusa::datasets {

// FOLDER/cases.csv with the columns case, ct (HU), dose (Gy), optionally split, group and body (where the dose counts);
// every other column is a structure: a mask, or empty where nobody outlined it.  NIfTI files or the arrays of `convert
// dicom`.  Input: CT, -160..240 HU, a cube of 384 mm.  Targets: structures, and dose (Gy / 70).  FemurLeft and
// FemurRight and other pairs that end or begin in Left and Right, or in L and R behind '_', change names in a mirror.
CasePlan prostate_plan(const DatasetOptions& options);

}  // namespace medusa::datasets

// What predict is given: files, folders of them, tables that list cases.
#pragma once

#include <string>
#include <vector>

#include "datasets/cases/case_dataset.h"

namespace medusa::tools {

// The files with volumes at `input`: itself, or those in the folder (not searched deeper), sorted; none for a folder
// without any.
std::vector<std::string> volume_files(const std::string& input);
// "p1" of "scans/p1.nii.gz", "p1.png" and "p1.npz#ct".
std::string stem_of(const std::string& file);
// A name for files: '/' and other characters that no file name should hold become '_'.
std::string file_name_of(const std::string& text);

// What counts in a folder.
struct CaseFileKinds {
  bool volumes = true, pictures = false;
};
// The cases at `inputs`, each a file (that of an archive: "x.npz#array"), a folder of files, or a table: a CSV with the
// column case and one per input of the plan, files relative to it and in plan.folder.  Files and folders are for plans
// of one input. Invalid rows of a table are skipped and the reasons appended to `problems`.  Throws InputError if there
// is no case.
std::vector<datasets::CaseRow> cases_at(const std::vector<std::string>& inputs, const datasets::CasePlan& plan,
                                        const CaseFileKinds& kinds, std::vector<std::string>* problems);

}  // namespace medusa::tools

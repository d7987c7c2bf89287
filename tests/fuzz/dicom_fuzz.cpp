// libFuzzer entry: any bytes read as a DICOM file give a scan, masks or a dose of the promised size, or an InputError.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "datasets/dicom/grid.h"
#include "datasets/dicom/series.h"
#include "tensor/check.h"

namespace {

using namespace medusa;
using namespace medusa::datasets;

// A small scan for structures and doses to lie on.
VoxelGrid small_grid() {
  VoxelGrid grid{4, 12, 16, {}};
  grid.affine = flip_xy(Affine::from({1.5, 2, 3}, {{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}, {-10, -20, 30}));
  return grid;
}

void scan(DicomFile& file, const DicomHeader& header) {
  const DicomValues values = read_dicom_values(file, header);
  if (values.values.size() != static_cast<std::size_t>(header.rows * header.columns) * header.frames.size())
    __builtin_trap();
  const DicomStack stack = stack_dicom({header}, true);
  if (stack.slices.size() + stack.doubles.size() < header.frames.size() || !stack.affine.finite()) __builtin_trap();
}

void structures(const DicomItem& root) {
  const VoxelGrid grid = small_grid();
  for (const DicomRoi& roi : read_dicom_structures(root).rois) {
    const DicomMask mask = rasterise(roi, grid);
    if (mask.voxels < 0 || mask.voxels > grid.voxels()) __builtin_trap();
  }
}

void dose(DicomFile& file) {
  const DicomDose dose = read_dicom_dose(file);
  const Tensor gy = resample_dose(dose, small_grid());
  for (std::int64_t i = 0; i < gy.numel(); ++i)
    if (std::isnan(gy.data()[i])) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (!have_dicom()) return 0;
  try {
    looks_like_dicom({data, size});
    DicomFile file = DicomFile::parse({data, size}, "input");
    const DicomHeader header = read_dicom_header(file.root());
    if (header.kind == DicomKind::Image && !header.localizer) scan(file, header);
    if (header.kind == DicomKind::Structures) structures(file.root());
    if (header.kind == DicomKind::Dose) dose(file);
  } catch (const InputError&) {
  }
  return 0;
}

// DCMTK reads its dictionary when it is first used: that must not count as the first input's time.
extern "C" int LLVMFuzzerInitialize(int*, char***) { return LLVMFuzzerTestOneInput(nullptr, 0); }

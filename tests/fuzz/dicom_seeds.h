// Seeds for the fuzzer of DICOM files: every encoding, and each kind of object.
#pragma once

#include "tensor/file.h"
#include "tests/dicom_writer.h"

namespace medusa::test {

inline void write_dicom_seeds(const std::string& folder) {
  const char* names[] = {"explicit", "implicit", "big_endian", "deflated", "rle"};
  for (int e = 0; e < 5; ++e) {
    CtSlice slice;
    slice.encoding = static_cast<Encoding>(e);
    write_file(folder + "/ct_" + names[e], slice.file());
    DoseFile dose;
    dose.encoding = slice.encoding;
    for (std::uint32_t i = 0; i < 36; ++i) dose.cells.push_back(1000 * i);
    write_file(folder + "/dose_" + names[e], dose.file());
  }
  CtSlice padded;
  padded.allocated = 8;
  padded.stored = 8;
  padded.high = 7;
  padded.padding = "7";
  write_file(folder + "/ct_8_bit_padded", padded.file());
  padded.allocated = padded.stored = 32;
  padded.high = 31;
  padded.sign = 1;
  write_file(folder + "/ct_32_bit", padded.file());
  const std::vector<double> box{-9, -18, 33, -3, -18, 33, -3, -14, 33, -9, -14, 33};
  const std::vector<Roi> rois{{"PTV 70", {{box}, {box, "OPEN_PLANAR"}}}, {"empty", {}}};
  write_file(folder + "/structures_implicit", structure_file(rois));
  write_file(folder + "/structures_explicit", structure_file(rois, "1.9", Encoding::Explicit));
  write_file(folder + "/cut", CtSlice().file().substr(0, 420));
  const std::string whole = CtSlice().file();
  write_file(folder + "/no_preamble", whole.substr(whole.find(std::string("\x08\0\x08\0", 4))));
}

}  // namespace medusa::test

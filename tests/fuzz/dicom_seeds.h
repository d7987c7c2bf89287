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

// Outlines as the fuzzer of structure sets takes them: points of three numbers of 16 bits, in 1/64 mm.
inline std::string outline_bytes(const std::vector<std::vector<double>>& outlines) {
  std::string bytes;
  const auto add = [&bytes](int v) {
    bytes += static_cast<char>(v & 0xFF);
    bytes += static_cast<char>(v >> 8 & 0xFF);
  };
  for (const std::vector<double>& outline : outlines) {
    for (double mm : outline) add(static_cast<int>(mm * 64));
    for (int c = 0; c < 3; ++c) add(-1);
  }
  return bytes;
}

inline void write_rtstruct_seeds(const std::string& folder) {
  const std::vector<double> box{-9, -14, 36, -3, -14, 36, -3, -8, 36, -9, -8, 36};
  const std::vector<double> back{-3, -8, 36, -3, -14, 36, -9, -14, 36, -9, -8, 36};
  const std::vector<double> hole{-7, -12, 36, -5, -12, 36, -5, -10, 36, -7, -10, 36};
  const std::vector<double> over{-6, -14, 36, 0, -14, 36, 0, -8, 36, -6, -8, 36};
  write_file(folder + "/twice", structure_file({{"A", {{box}, {box}, {back}}}, {"a", {{hole}}}}));
  write_file(folder + "/hole", structure_file({{"A", {{box}, {hole}}}}, "1.9", Encoding::Explicit));
  write_file(folder + "/orphan", structure_file({{"A", {{box}}}, {"", {{box}}, "99", "", false}, {"", {}, "98"}}));
  write_file(folder + "/elsewhere", structure_file({{"A", {{box}}}, {"B", {{box}}, "", "1.7"}}));
  write_file(folder + "/others", structure_file({{"A/B", {{box, "POINT"}, {{1, 2, 3}}, {box, "CLOSEDPLANAR_XOR"}}}}));
  write_file(folder + "/outlines", outline_bytes({box, hole, over}));
  write_file(folder + "/outlines_twice", outline_bytes({box, back, over, over}));
}

}  // namespace medusa::test

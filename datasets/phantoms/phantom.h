// Phantoms: synthetic pictures in the layout of a real dataset, with known ground truth.  For demos, tests and lessons,
// where real patients' data may not go.
#pragma once

#include <cstdint>
#include <string>

#include "datasets/extent.h"
#include "datasets/transforms/transforms.h"

namespace medusa::datasets {

enum class PhantomSetting {
  Plain,   // a lesion on skin; every class has a shape, a border and colours of its own
  Shared,  // tasks that help each other: four classes alike in shape and border, told apart by what is inside the dark
           // rim alone, among patches with the colours of other classes: a network that cannot find the lesion cannot
           // classify it
};
PhantomSetting phantom_setting(const std::string& name);  // plain | shared; throws InputError that lists them

// A cartoon of a dermatoscopic picture.  `label` is one of Ham10000::classes(): it determines outline, border, colour
// and inner structure.  `lesion` and `view` are seeds: pictures of one lesion share its shape and colours, a view has
// its own skin, light, hairs, zoom and angle.  The mask is exact.
Picture draw_lesion(std::int64_t label, std::uint64_t lesion, std::uint64_t view, std::int64_t height,
                    std::int64_t width, PhantomSetting setting = PhantomSetting::Plain);

struct PhantomOptions {
  std::string folder;  // is created; must not hold a dataset
  std::int64_t count = 200;
  std::uint64_t seed = 0;
  Extent size{450, 600};
  PhantomSetting setting = PhantomSetting::Plain;
};

// Writes a folder as datasets/layouts/ham10000.h describes: JPEG pictures, PNG masks (every eighth a palette image with
// the palette upside down, as some of the real ones), the table last.  About three lesions in ten have two pictures;
// half of the classes are rarer than the others (setting shared: bcc, mel, nv and vasc, as many of each).  The same
// options give the same bytes.  Throws InputError for options out of range or a folder that holds a table already,
// Error where a file cannot be written.
void write_ham10000_phantom(const PhantomOptions& options);

// Writes `count` patients as datasets/layouts/openkbp.h describes, each 128^3 voxels: a neck of ellipsoids with the ten
// structures (some of them not outlined in some patients), three nested targets, and a dose that CT and targets
// determine: the prescription inside, falling with the distance.  A quarter go to validation-pats, an eighth to
// test-pats.  The same options give the same bytes; height, width and setting have no meaning here.  Throws as the one
// above.
void write_openkbp_phantom(const PhantomOptions& options);

// Writes `count` chests as datasets/layouts/stoic.h describes, of depth x height x width voxels each: ground glass at
// the rims of the lungs where there is COVID-19, much of it and some dense where it is severe.  Spacings differ, and
// every third scan counts its slices downwards.  The same options give the same bytes.  Throws as those above.
void write_stoic_phantom(const PhantomOptions& options);

// Writes `count` pelves as datasets/layouts/folder.h describes for the layout prostate: CT, dose, body and five
// structures (the femurs not outlined in every fourth), every third case one archive, the others NIfTI files; a quarter
// for validation, an eighth for testing.  The same options give the same bytes.  Throws as those above.
void write_prostate_phantom(const PhantomOptions& options);

// Writes `count` pictures of lesions with masks, a cases.csv and a dataset.toml, as datasets/layouts/folder.h
// describes; some lack a mask or a diagnosis.  The same options give the same bytes.  Throws as those above.
void write_folder_phantom(const PhantomOptions& options);

}  // namespace medusa::datasets

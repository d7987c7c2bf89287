// --tta: the views are what training made of its images, for every layout; held against the augmentation itself.
#include "tools/cli/ensemble_options.h"

#include "datasets/layouts/openkbp.h"
#include "datasets/layouts/registry.h"
#include "datasets/transforms/transforms.h"
#include "mtl/networks/model_file.h"
#include "mtl/training/dataset_tasks.h"
#include "nn/checkpoint.h"
#include "tests/folder_fixture.h"

using namespace medusa;
using namespace medusa::test;
using mtl::Flips;
using mtl::RunFile;
using mtl::RunFolder;
using tools::RunOptions;

namespace {

constexpr std::int64_t kSide = datasets::openkbp::kSide;

// The options and the folder of a run on the dataset, with a network that was not trained.
struct Run {
  RunOptions options;
  std::string folder;

  Run(const TempFolder& place, const std::string& layout, const datasets::Dataset& dataset) : folder(place / "run") {
    options.dataset = layout;
    options.widths = {2, 3};
    mtl::ModelConfig config;
    const Shape shape = dataset.input_shape();
    config.spatial_dims = shape.rank() - 1;
    config.in_channels = shape[-1];
    config.widths = options.widths;
    for (int a = 0; a < config.spatial_dims; ++a) options.size += (a == 0 ? "" : "x") + std::to_string(shape[a]);
    std::vector<std::size_t> unused;
    config.tasks = mtl::make_tasks(dataset, {}, &unused);
    const RunFolder run(folder);
    run.make();
    run.keep_description(dataset);
    nn::Checkpoint checkpoint;
    checkpoint.metadata = {{"model", mtl::to_json(config)}};
    nn::save_checkpoint(run.file(RunFile::Best), *mtl::make_model(config), checkpoint);
  }

  Flips flips() const {
    const auto network = tools::load_network(folder, options, {{}, true});
    return dynamic_cast<const mtl::Ensemble&>(*network).flips();
  }
};

Tensor one(const Tensor& sample) {
  Shape shape{1};
  for (std::int64_t n : sample.shape()) shape.push_back(n);
  return sample.reshape(shape);
}

// Training mirrors the dataset's sample 0 as the views do: its input, and the values of its target `target`.
void check_mirrors(const DatasetOptions& options, const Flips& flips, std::size_t target) {
  DatasetOptions mirroring = options;
  mirroring.augment.horizontal_flip = 1;
  const datasets::Sample as_is = datasets::open_dataset(options)->get(0),
                         mirrored = datasets::open_dataset(mirroring)->get_augmented(0, 1, 1);
  REQUIRE(as_is.input.to_vector() != mirrored.input.to_vector());
  CHECK(mtl::flipped(one(as_is.input), {flips.left_right}, flips.inputs).to_vector() == mirrored.input.to_vector());
  const Tensor &was = as_is.targets[target].value, &is = mirrored.targets[target].value;
  CHECK(mtl::flipped(one(was), {}, flips.outputs[target]).to_vector() != is.to_vector());
  CHECK(mtl::flipped(one(was), {flips.left_right}, flips.outputs[target]).to_vector() == is.to_vector());
}

// A patient of three blocks of 8 x 8 x 8, each at a place of its own.
void write_patient(const std::string& folder) {
  std::filesystem::create_directories(folder);
  std::string ct = ",data\n", dose = ",data\n", possible = ",data\n";
  const auto block = [&](const char* structure, std::int64_t first) {
    std::string mask = ",data\n";
    for (std::int64_t z = 0; z < 8; ++z)
      for (std::int64_t y = 0; y < 8; ++y)
        for (std::int64_t x = 0; x < 8; ++x) {
          const std::int64_t voxel = ((first + z) * kSide + 2 * first + y) * kSide + first + x;
          ct += fmt::format("{},{}\n", voxel, 1124 + first);
          dose += fmt::format("{},{}\n", voxel, first);
          for (std::string* text : {&mask, &possible}) *text += fmt::format("{},\n", voxel);
        }
    save(folder + "/" + structure + ".csv", mask);
  };
  block("RightParotid", 8);
  block("LeftParotid", 24);
  block("PTV70", 40);
  save(folder + "/ct.csv", ct);
  save(folder + "/dose.csv", dose);
  save(folder + "/possible_dose_mask.csv", possible);
  save(folder + "/voxel_dimensions.csv", "3.9\n3.9\n2.5\n");
}

}  // namespace

TEST_CASE("tta: a scan's views are left and right, with the pairs of its description exchanged") {
  const TempFolder folder;
  write_volumes(folder);
  save(folder / "dataset.toml", kToml);
  save(folder / "cases.csv", kTable);
  const DatasetOptions options = options_for(folder.path, 4, 4, 4);
  const Run run(folder, "folder", *datasets::open_dataset(options));
  const Flips flips = run.flips();
  CHECK(flips.axes == std::vector<int>{2});  // the default has an up-down flip, which volumes do not
  CHECK(flips.outputs[0] == Flips::Pairs{{0, 1}});
  CHECK(flips.outputs[1].empty());
  check_mirrors(options, flips, 0);
  check_mirrors(options, flips, 1);
}

TEST_CASE("tta: OpenKBP's patients are mirrored along their second axis, with the parotids exchanged") {
  const TempFolder folder;
  write_patient(folder / "data/pt_1");
  DatasetOptions options = options_for(folder / "data", 16, 16, 16, "openkbp");
  for (const bool given : {false, true}) {
    if (given) options.inputs = {"structures"};
    const TempFolder place;
    const Flips flips = Run(place, "openkbp", *datasets::open_dataset(options)).flips();
    CHECK(flips.axes == std::vector<int>{1});
    CHECK(flips.inputs.size() == (given ? 1 : 0));
    check_mirrors(options, flips, 0);  // the structures, or where those are given the dose
  }
}

TEST_CASE("tta: a picture's views are those that training made, and none is refused") {
  const TempFolder folder;
  write_volumes(folder);
  datasets::Image picture(6, 4, 3);
  for (std::size_t i = 0; i < picture.pixels.size(); ++i) picture.pixels[i] = static_cast<std::uint8_t>(3 * i);
  datasets::write_png(folder / "p.png", picture);
  save(folder / "dataset.toml",
       "size = \"4x6\"\n[input.image]\nchannels = 3\n[target.grade]\nkind = \"classification\"\nclasses = [\"a\", "
       "\"b\"]\n");
  save(folder / "cases.csv", "case,image,grade\np,p.png,a\n");
  Run run(folder, "folder", *datasets::open_dataset(options_for(folder.path, 0, 4, 6)));
  run.options.dataset = "ham10000";  // has no description and does the same
  const Flips flips = run.flips();
  CHECK(flips.axes == std::vector<int>{1, 0});
  CHECK(flips.left_right == 1);
  const datasets::Normalisation as_is{{0, 0, 0}, {1, 1, 1}};
  for (const bool sideways : {true, false}) {
    datasets::AugmentOptions o = datasets::AugmentOptions::none();
    (sideways ? o.horizontal_flip : o.vertical_flip) = 1;
    const datasets::Image turned = datasets::augment({picture, {}}, o, 1, 1, 1).image;
    CHECK(mtl::flipped(one(to_input(picture, as_is)), {flips.axes[sideways ? 0 : 1]}, {}).to_vector() ==
          to_input(turned, as_is).to_vector());
  }
  run.options.augment.horizontal_flip = 0;
  CHECK(run.flips().axes == std::vector<int>{0});
  CHECK(run.flips().left_right == -1);
  run.options.augment.horizontal_flip = 0.1;
  run.options.no_augment = true;
  CHECK(input_error([&] { run.flips(); }) ==
        "--tta: " + run.folder + " was trained without flips, so its network does not know flipped images");
}

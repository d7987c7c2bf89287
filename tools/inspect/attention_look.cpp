#include "tools/inspect/attention_look.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "autograd/ops.h"
#include "datasets/layouts/registry.h"
#include "mtl/inference/padding.h"
#include "tools/cli/run_options.h"
#include "tools/report/picture.h"

namespace medusa::tools {

namespace {

using datasets::Image;

// Whether the network puts every pixel into a class.
bool segments(const mtl::Task& task) { return task.traits().pixel_level && task.traits().exclusive; }

std::vector<Image> regions_of(const mtl::Task& task, const Image& mask) {
  std::vector<Image> regions;
  for (std::uint8_t label : region_labels(task)) regions.push_back(region_of(mask, label));
  return regions;
}

// The mask of a file as the truth of the first task that segments.
void read_truth(const std::string& file, Look* look) {
  const auto& tasks = look->model->tasks();
  const auto task = std::find_if(tasks.begin(), tasks.end(), segments);
  MEDUSA_CHECK_INPUT(task != tasks.end(), "--truth {}: no task of the network segments", file);
  Image mask = task->channels == 1 ? datasets::read_mask(file) : datasets::read_labels(file);
  MEDUSA_CHECK_INPUT(mask.width == look->picture.width && mask.height == look->picture.height,
                     "--truth {}: is {}x{}, the picture is {}x{}", file, mask.width, mask.height, look->picture.width,
                     look->picture.height);
  if (task->channels == 1)
    for (std::uint8_t& pixel : mask.pixels) pixel = pixel >= 128 ? 255 : 0;
  look->truth[static_cast<std::size_t>(task - tasks.begin())].regions = regions_of(*task, mask);
}

// A dataset's label of one task.
Truth truth_of(const mtl::Task& task, const Tensor& value, const Image& picture) {
  Truth truth;
  if (segments(task)) {
    Image mask(value.size(1), value.size(0), 1);
    for (std::size_t i = 0; i < mask.pixels.size(); ++i) {
      const real v = value.at(static_cast<std::int64_t>(i));
      mask.pixels[i] = task.channels == 1 ? (v > 0 ? 255 : 0) : static_cast<std::uint8_t>(v);
    }
    for (const Image& region : regions_of(task, mask))
      truth.regions.push_back(datasets::resize(region, picture.width, picture.height));
  } else if (!task.traits().pixel_level && !task.traits().in_units) {
    truth.classes.assign(static_cast<std::size_t>(task.channels), false);
    if (task.has_class_numbers())
      truth.classes.at(static_cast<std::size_t>(value.item())) = true;
    else
      for (std::size_t c = 0; c < truth.classes.size(); ++c)
        truth.classes[c] = value.at(static_cast<std::int64_t>(c)) > real(0.5);
  }
  return truth;
}

// All labels that a dataset has for the picture of this name.
void find_truth(datasets::DatasetOptions options, const AttentionOptions& attention, Look* look) {
  const std::string& folder = attention.data;
  options.folder = folder;
  options.follow_outside = attention.follow_outside;
  const auto dataset = datasets::open_dataset(options);
  std::int64_t index = 0;
  while (index < dataset->size() && dataset->id(index) != look->name) ++index;
  MEDUSA_CHECK_INPUT(index < dataset->size(), "--data {}: has no picture {}", folder, look->name);
  const datasets::Sample sample = dataset->get(index);
  for (std::size_t t = 0; t < look->truth.size(); ++t)
    for (std::size_t i = 0; i < sample.targets.size(); ++i)
      if (dataset->targets()[i].name == look->model->tasks()[t].name && sample.targets[i].value)
        look->truth[t] = truth_of(look->model->tasks()[t], sample.targets[i].value, look->picture);
}

// "Y,X" of a pixel of the picture.
Look::Place parse_query(const std::string& text, const Image& picture) {
  Look::Place place{-1, -1, "as asked for"};
  const char* end = text.data() + text.size();
  const auto y = std::from_chars(text.data(), end, place.y);
  const bool comma = y.ec == std::errc{} && y.ptr != end && *y.ptr == ',';
  const auto x = std::from_chars(comma ? y.ptr + 1 : end, end, place.x);
  MEDUSA_CHECK_INPUT(comma && x.ec == std::errc{} && x.ptr == end, "--query {}: expected Y,X, two whole numbers", text);
  MEDUSA_CHECK_INPUT(place.y >= 0 && place.y < picture.height && place.x >= 0 && place.x < picture.width,
                     "--query {}: lies outside the picture, which has Y from 0 to {} and X from 0 to {}", text,
                     picture.height - 1, picture.width - 1);
  return place;
}

// The pixel of the first predicted region that is nearest to the region's centre of mass.
Look::Place middle_of_prediction(const Look& look) {
  const Image& picture = look.picture;
  for (std::size_t t = 0; t < look.predicted.size(); ++t)
    for (const Image& region : look.predicted[t]) {
      std::vector<std::pair<double, double>> inside;
      double cy = 0, cx = 0;
      for (std::int64_t y = 0; y < region.height; ++y)
        for (std::int64_t x = 0; x < region.width; ++x)
          if (*region.at(x, y) >= 128) {
            inside.emplace_back(y, x);
            cy += static_cast<double>(y);
            cx += static_cast<double>(x);
          }
      if (inside.empty()) continue;
      cy /= static_cast<double>(inside.size());
      cx /= static_cast<double>(inside.size());
      const auto [y, x] = *std::min_element(inside.begin(), inside.end(), [&](const auto& a, const auto& b) {
        return std::hypot(a.first - cy, a.second - cx) < std::hypot(b.first - cy, b.second - cx);
      });
      return {static_cast<std::int64_t>(y), static_cast<std::int64_t>(x),
              "the middle of the predicted " + look.model->tasks()[t].name};
    }
  return {picture.height / 2, picture.width / 2, "the picture's middle, since no region is predicted"};
}

bool has_masks(const mtl::AttentionRecord& record) {
  return std::any_of(record.masks.begin(), record.masks.end(), [](const auto& levels) { return !levels.empty(); });
}
bool has_bottleneck(const mtl::AttentionRecord& record) {
  return std::any_of(record.bottleneck.begin(), record.bottleneck.end(), [](const auto& of) { return !of.empty(); });
}

void choose_query(const AttentionOptions& options, Look* look) {
  if (options.query.empty()) {
    look->query = middle_of_prediction(*look);
    return;
  }
  look->query = parse_query(options.query, look->picture);
  MEDUSA_CHECK_INPUT(has_bottleneck(look->record) && !look->record.over_channels,
                     "--query {}: the network of {} has no attention between places at its bottleneck", options.query,
                     options.run);
}

// The predicted regions of a task that segments, of the picture's size.
std::vector<Image> predicted_regions(const mtl::Answer& answer) {
  if (!segments(answer.task)) return {};
  const datasets::Volume classes = answer.classes();
  Image mask(classes.width(), classes.height(), 1);
  for (std::size_t i = 0; i < mask.pixels.size(); ++i)
    mask.pixels[i] = static_cast<std::uint8_t>(classes.values.data()[i] * (answer.task.channels == 1 ? 255 : 1));
  return regions_of(answer.task, mask);
}

}  // namespace

Look look(const AttentionOptions& options) {
  MEDUSA_CHECK_INPUT(!options.run.empty() && !options.input.empty(), "--attention needs --run and --input");
  const RunOptions run = read_run_options(options.run);
  Look look;
  look.predictor = std::make_unique<mtl::Predictor>(options.run, open_device(options.device));
  look.model = &look.predictor->model();
  look.size = look.predictor->size();
  check_takes_pictures(*look.model, options.run);
  look.name = std::filesystem::path(options.input).stem().string();
  look.picture = datasets::to_rgb(datasets::read_image(options.input));
  MEDUSA_CHECK_INPUT(look.predictor->plan().inputs.size() == 1, "{}: its network has {} inputs, --input is one picture",
                     options.run, look.predictor->plan().inputs.size());
  look.predictor->set_window({});  // a record is of one look at the whole picture
  look.predictor->set_data_folder({"", options.follow_outside});
  const datasets::CaseScan seen = look.predictor->read({options.input});
  look.model->record_attention(&look.record);
  look.answers = look.predictor->predict(seen);
  look.model->record_attention(nullptr);
  for (auto* parts : {&look.record.masks, &look.record.bottleneck})
    for (auto& of_task : *parts)
      for (Tensor& tensor : of_task) tensor = tensor.to(Device::CPU);
  MEDUSA_CHECK_INPUT(has_masks(look.record) || has_bottleneck(look.record),
                     "{}: its network, {}, has no attention to look at; those of mtan and ctan have", options.run,
                     look.model->config().arch);
  look.truth.resize(look.answers.size());
  if (!options.data.empty()) find_truth(dataset_options(run), options, &look);
  if (!options.truth.empty()) read_truth(options.truth, &look);
  for (const mtl::Answer& answer : look.answers) look.predicted.push_back(predicted_regions(answer));
  choose_query(options, &look);
  return look;
}

Tensor over_picture(const Look& look, const Tensor& values, std::int64_t height, std::int64_t width) {
  const std::int64_t multiple = look.model->size_multiple();
  const mtl::Frame y = mtl::frame_of(look.size.height, multiple), x = mtl::frame_of(look.size.width, multiple);
  const Var level(values.reshape({1, values.size(-2), values.size(-1), 1}));
  const Var frame = resize(level, {y.side, x.side});
  const Var seen = slice(slice(frame, 1, y.before, look.size.height), 2, x.before, look.size.width);
  return resize(seen, {height, width}).value().reshape({height, width});
}

Shape bottleneck_places(const Look& look) {
  const std::int64_t multiple = look.model->size_multiple();
  return {mtl::frame_of(look.size.height, multiple).side / multiple,
          mtl::frame_of(look.size.width, multiple).side / multiple};
}

std::int64_t query_place(const Look& look) {
  const std::int64_t multiple = look.model->size_multiple();
  // The pixel's centre, scaled to the network's input, then moved into its frame.
  const auto place = [multiple](std::int64_t at, std::int64_t side, std::int64_t input) {
    const double scaled = (static_cast<double>(at) + 0.5) * static_cast<double>(input) / static_cast<double>(side);
    return (static_cast<std::int64_t>(scaled) + mtl::frame_of(input, multiple).before) / multiple;
  };
  return place(look.query.y, look.picture.height, look.size.height) * bottleneck_places(look)[1] +
         place(look.query.x, look.picture.width, look.size.width);
}

}  // namespace medusa::tools

#include "mtl/predictor.h"

#include <algorithm>

#include "autograd/ops.h"
#include "datasets/cases/plan_toml.h"
#include "mtl/inference/padding.h"
#include "mtl/networks/model_file.h"
#include "mtl/training/finite_check.h"

namespace medusa::mtl {

using datasets::CaseScan;
using datasets::Extent;
using datasets::Fit;
using datasets::Volume;

std::vector<Tensor> outputs_on_host(Model& model, const Tensor& input) {
  const Device device = model.parameters().front().var.device();
  std::vector<Tensor> outputs;
  for (const Var& output : outputs_any_size(model, Var(input.to(device))))
    outputs.push_back(output.value().to(Device::CPU));
  return outputs;
}

// ---- answers --------------------------------------------------------------------------------------------------------

Volume Answer::channel(std::int64_t channel, real outside) const {
  MEDUSA_CHECK(task.traits().pixel_level, "task {}: has one answer per image, not a volume", task.name);
  if (scan->fit != Fit::Stretched) return datasets::on_own_grid(*scan, output, channel, outside);
  const NoGrad no_grad;
  const Shape own = scan->own.values.shape();
  std::vector<std::int64_t> size{own[1], own[2]};
  if (!scan->picture) size.insert(size.begin(), own[0]);
  Volume volume = scan->own;
  volume.stored = datasets::ScalarType::Float32;
  volume.unit = "";
  volume.values = resize(slice(Var(output), output.rank() - 1, channel, 1), size).value().reshape(own).clone();
  return volume;
}

Volume Answer::classes() const {
  Volume best = channel(0, task.channels == 1 ? real(-1) : real(0));
  if (task.channels == 1) {
    change_values(&best, [](real v) { return v > 0 ? real(1) : real(0); });
    return best;
  }
  Volume classes = best;
  classes.values = Tensor::zeros(best.values.shape());
  for (std::int64_t c = 1; c < task.channels; ++c) {
    const Volume other = channel(c, std::numeric_limits<real>::lowest());
    real *most = best.values.mutable_data(), *to = classes.values.mutable_data();
    for (std::int64_t i = 0; i < other.values.numel(); ++i)
      if (other.values.data()[i] > most[i]) {
        most[i] = other.values.data()[i];
        to[i] = static_cast<real>(c);
      }
  }
  return classes;
}

Volume Answer::inside(std::int64_t structure) const {
  Volume inside = channel(structure, -1);
  change_values(&inside, [](real v) { return v > 0 ? real(1) : real(0); });
  return inside;
}

Volume Answer::amounts() const {
  Volume amounts;
  Tensor all;
  for (std::int64_t c = 0; c < task.channels; ++c) {
    amounts = channel(c, 0);
    if (c == 0) all = Tensor::empty({amounts.depth(), amounts.height(), amounts.width(), task.channels});
    for (std::int64_t i = 0; i < amounts.values.numel(); ++i)
      all.mutable_data()[i * task.channels + c] = amounts.values.data()[i];
  }
  amounts.values = all;
  const real scale = static_cast<real>(task.scale), smallest = static_cast<real>(least);
  change_values(&amounts, [&](real v) { return std::max(smallest, v * scale); });
  amounts.unit = task.unit;
  return amounts;
}

std::vector<double> Answer::numbers() const {
  MEDUSA_CHECK(!task.traits().pixel_level, "task {}: has an answer per pixel, not one per image", task.name);
  const NoGrad no_grad;
  const Var raw(output);
  const Var y = task.traits().in_units ? raw : task.traits().exclusive ? softmax(raw) : sigmoid(raw);
  std::vector<double> numbers;
  for (real v : y.value().to_vector())
    numbers.push_back(static_cast<double>(v) * (task.traits().in_units ? task.scale : 1));
  return numbers;
}

// ---- the run --------------------------------------------------------------------------------------------------------

Predictor::Predictor(const std::string& folder, Device device)
    : Predictor(folder, load_model(RunFolder(folder).weights()), device) {}

Predictor::Predictor(const std::string& folder, std::unique_ptr<Model> model, Device device)
    : model_(std::move(model)) {
  const RunFolder run(folder);
  read_plan(run);
  check_plan(run);
  if (const std::string patch = run.option("patch"); !patch.empty())
    window_.size = Extent::parse(patch, run.file(RunFile::Config) + ": patch");
  if (const std::string overlap = run.option("overlap"); !overlap.empty()) window_.overlap = std::stod(overlap);
  check(window_, model_->config().spatial_dims);
  model_->to(device);
  model_->eval();
}

void Predictor::read_plan(const RunFolder& run) {
  // The one place that knows datasets whose runs do not say how cases meet the network's grid: OpenKBP's scans are seen
  // whole, along the axes of its patients, and have no negative dose; HAM10000's pictures are stretched.
  const std::string dataset = run.option("dataset");
  if (dataset == "openkbp") {
    fit_ = Fit::Whole;
    axes_ = "ILP";
    amounts_negative_ = false;
  } else if (dataset == "ham10000") {
    fit_ = Fit::Stretched;
  }
  if (run.has(RunFile::Description)) {
    run.description();  // refuses one that was changed
    const std::string file = run.file(RunFile::Description);
    const std::vector<datasets::TomlTable> tables = datasets::read_toml(file);
    plan_ = datasets::read_description(tables, file).plan;
    size_ = Extent::parse(tables.front().text("size", ""), file + ": size");
  } else {
    plan_without_description(run);
  }
  plan_.name = run.path();
}

void Predictor::plan_without_description(const RunFolder& run) {
  const ModelConfig& config = model_->config();
  MEDUSA_CHECK_INPUT(
      fit_ != Fit::Cut,
      "{}: has no {}, which says how a scan becomes an input; older runs lack it, resuming a run adds it", run.path(),
      RunFolder::name(RunFile::Description));
  size_ = Extent::parse(run.option("size"), run.file(RunFile::Config) + ": size");
  for (const Task& task : model_->tasks()) plan_.targets.push_back({task, {}, {}});
  if (fit_ == Fit::Stretched) {
    MEDUSA_CHECK_INPUT(config.spatial_dims == 2 && config.in_channels == 3,
                       "{}: its network takes inputs of {} axes and {} channels, pictures have 2 and 3", run.path(),
                       config.spatial_dims, config.in_channels);
    plan_.inputs = {{"image", "image", 3, {}, {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}, false}};  // ImageNet's
    return;
  }
  MEDUSA_CHECK_INPUT(size_.depth > 0, "{}: size {} is not a volume's", run.file(RunFile::Config), size_.text());
  plan_.inputs = {{"ct", "ct", 1, {{-1024, 1500}}, {0}, {1000}, false}};
  if (config.in_channels > 1)
    plan_.inputs.push_back({"structures", "structures", config.in_channels - 1, {}, {}, {}, false});
  const double factor = static_cast<double>(128 / size_.depth);
  for (double mm : {3.9, 3.9, 2.5}) plan_.spacing.push_back(mm * factor);  // most patients of the challenge
  notes_.push_back(fmt::format("{} does not say the voxel size of its patients; assuming {:.3g} mm", run.path(),
                               fmt::join(plan_.spacing, " x ")));
}

void Predictor::check_plan(const RunFolder& run) const {
  const std::string file = run.file(run.has(RunFile::Description) ? RunFile::Description : RunFile::Config);
  std::int64_t channels = 0;
  for (const datasets::CaseInput& input : plan_.inputs) channels += input.channels;
  MEDUSA_CHECK_INPUT(channels == model_->config().in_channels, "{}: its inputs have {} channels, the network takes {}",
                     file, channels, model_->config().in_channels);
  for (const Task& task : model_->tasks()) {
    const bool found = std::any_of(plan_.targets.begin(), plan_.targets.end(), [&](const datasets::CaseTarget& t) {
      return t.info.name == task.name && t.info.kind == task.kind && t.info.channels == task.channels;
    });
    MEDUSA_CHECK_INPUT(found, "{}: lacks the network's target {} of kind {} with {} channels", file, task.name,
                       name(task.kind), task.channels);
  }
  MEDUSA_CHECK_INPUT(model_->config().spatial_dims == size_.spatial_dims(),
                     "{}: its network takes {} axes, its size is {}", file, model_->config().spatial_dims,
                     size_.text());
  MEDUSA_CHECK_INPUT(fit_ != Fit::Whole || plan_.spacing.size() == 3, "{}: has no spacing", file);
}

// ---- a case ---------------------------------------------------------------------------------------------------------

CaseScan Predictor::read(const std::vector<std::string>& files) const {
  MEDUSA_CHECK_INPUT(files.size() == plan_.inputs.size(), "{}: its network has {} inputs, {} files are given",
                     plan_.name, plan_.inputs.size(), files.size());
  if (fit_ == Fit::Whole) return datasets::read_whole_scan(plan_, files, axes_);
  if (fit_ == Fit::Stretched) return datasets::read_stretched_picture(plan_, files, size_);
  return datasets::read_scan(plan_, files, size_);
}

std::vector<Answer> Predictor::predict(const CaseScan& scan) {
  const NoGrad no_grad;
  Shape shape{1};
  for (std::int64_t n : scan.input.shape()) shape.push_back(n);
  const Tensor x = scan.input.reshape(shape);
  SlidingWindow window = window_;
  if (window.size.empty() && scan.fit == Fit::Whole) window.size = size_;
  const std::vector<Tensor> outputs =
      window.size.empty() ? outputs_on_host(*model_, x) : sliding_outputs(*model_, x, window);
  const auto shared = std::make_shared<const CaseScan>(scan);
  std::vector<Answer> answers;
  for (std::size_t t = 0; t < outputs.size(); ++t) {
    const Task& task = tasks()[t];
    MEDUSA_CHECK(finite(outputs[t]), "{}: the output of task {} is not finite", scan.name, task.name);
    answers.push_back({task, outputs[t], shared});
    if (!amounts_negative_ && task.traits().in_units) answers.back().least = 0;
  }
  return answers;
}

}  // namespace medusa::mtl

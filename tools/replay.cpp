// replay: repeats what a PyTorch reference did, a network's steps or single ops, and writes every result under the
// reference's names and in PyTorch's layouts, so that a script can compare the two.
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "autograd/ops.h"
#include "mtl/losses.h"
#include "mtl/networks/backbone.h"
#include "mtl/networks/model_file.h"
#include "nn/checkpoint.h"
#include "nn/json.h"
#include "nn/optim.h"
#include "nn/safetensors.h"
#include "tensor/file.h"
#include "tensor/parallel.h"
#include "tools/cli/device.h"
#include "tools/cli/program.h"
#include "tools/replay/balancing.h"

namespace medusa {
namespace {

using nlohmann::json;

// ---- the edge between PyTorch's layouts (files) and ours (memory) ---------------------------------------------------

enum class Edge {
  Plain,   // alike
  Image,   // file [N, C, S], memory [N, S, C]
  Window,  // file [O, I, k..], memory [k.., I, O]
};

Tensor permuted(const Tensor& x, const std::vector<int>& axes) { return permute(Var(x), axes).value(); }

Tensor from_file(const Tensor& x, Edge edge) {
  if (edge == Edge::Plain) return x;
  std::vector<int> axes;
  if (edge == Edge::Image) axes.push_back(0);
  for (int axis = 2; axis < x.rank(); ++axis) axes.push_back(axis);
  axes.push_back(1);
  if (edge == Edge::Window) axes.push_back(0);
  return permuted(x, axes);
}

Tensor to_file(const Tensor& x, Edge edge) {
  if (edge == Edge::Plain) return x.clone();
  const int last = x.rank() - 1;
  std::vector<int> axes = edge == Edge::Image ? std::vector<int>{0, last} : std::vector<int>{last, last - 1};
  for (int axis = edge == Edge::Image ? 1 : 0; static_cast<int>(axes.size()) < x.rank(); ++axis) axes.push_back(axis);
  return permuted(x, axes);
}

using Results = std::map<std::string, Tensor>;

// ---- a whole network ------------------------------------------------------------------------------------------------

mtl::ModelConfig config_of(const json& spec) {
  mtl::ModelConfig config;
  config.arch = spec.at("arch");
  config.backbone = spec.at("backbone");
  config.norm = spec.value("norm", "batch");
  config.spatial_dims = spec.at("rank");
  config.in_channels = spec.at("in_channels");
  config.widths = spec.at("widths").get<std::vector<std::int64_t>>();
  for (const json& t : spec.at("tasks")) {
    mtl::Task task;
    task.name = t.at("name");
    task.kind = task_kind(t.at("kind"));
    task.channels = t.at("channels");
    config.tasks.push_back(task);
  }
  if (spec.contains(config.arch))
    config.options = mtl::option_values_from_json(spec.at(config.arch).dump(), "case.json");
  MEDUSA_CHECK_INPUT(spec.at("bn") == json({{"eps", 1e-5}, {"momentum", 0.1}}) && spec.at("dice_smooth") == 1e-5 &&
                         spec.at("balancing") == "equal",
                     "replay: batch norm, Dice smoothing or balancing other than eps 1e-5, momentum 0.1, 1e-5, equal");
  return config;
}

nn::OptimizerOptions adam_of(const json& adam) {
  nn::OptimizerOptions options;
  options.name = "adam";
  options.beta1 = adam.at("betas").at(0);
  options.beta2 = adam.at("betas").at(1);
  options.eps = adam.at("eps");
  options.weight_decay = adam.at("weight_decay");
  return options;
}

// The network, its batch, and one training step after the other.
class NetCase {
 public:
  NetCase(const json& spec, const std::string& folder, Device device)
      : adam_(spec.at("adam")), model_(mtl::make_model(config_of(spec))) {
    nn::load_checkpoint(folder + "/weights.safetensors", *model_);
    model_->to(device);
    const nn::SafetensorsReader io(folder + "/io.safetensors");
    x_ = from_file(io.tensor("x"), Edge::Image).to(device);
    for (const mtl::Task& task : model_->tasks()) {
      targets_.push_back(target(task, io.tensor("target." + task.name)).to(device));
      const std::string mask = "mask." + task.name;
      masks_.push_back(io.has(mask) ? from_file(io.tensor(mask), Edge::Image).to(device) : Tensor());
    }
  }

  Results run() {
    evaluate();
    model_->train();
    auto optimizer = nn::make_optimizer(adam_of(adam_), model_->parameters());
    std::vector<real> trace;
    const int steps = adam_.at("steps");
    for (int step = 0; step < steps; ++step) {
      optimizer->zero_grad();
      const Var total = forward(step == 0);
      total.backward();
      trace.push_back(total.item());
      if (step == 0) record_gradients();
      optimizer->step(adam_.at("lr"));
    }
    NoGrad no_grad;
    trace.push_back(forward(false).item());
    results_["trace"] = Tensor::from(trace, {static_cast<std::int64_t>(trace.size())});
    for (const nn::Parameter& p : model_->parameters()) put("adam3." + p.name, p.var.value(), p.layout);
    return results_;
  }

 private:
  // Class numbers get a last axis of size 1, all else becomes channels last.
  static Tensor target(const mtl::Task& task, const Tensor& t) {
    if (!task.has_class_numbers()) return from_file(t, image_edge(t));
    Shape shape = t.shape();
    shape.push_back(1);
    return t.reshape(shape);
  }
  static Edge image_edge(const Tensor& t) { return t.rank() > 2 ? Edge::Image : Edge::Plain; }
  void put(const std::string& name, const Tensor& value, nn::Layout layout) {
    results_[name] = to_file(value, layout == nn::Layout::Conv ? Edge::Window : Edge::Plain);
  }

  void evaluate() {
    NoGrad no_grad;
    model_->eval();
    const std::vector<Var> y = model_->outputs(Var(x_));
    for (std::size_t t = 0; t < y.size(); ++t)
      results_["eval." + model_->tasks()[t].name] = to_file(y[t].value(), image_edge(y[t].value()));
  }

  // The sum of the tasks' losses.
  Var forward(bool record) {
    const std::vector<Var> y = model_->outputs(Var(x_));
    Var total;
    for (std::size_t t = 0; t < y.size(); ++t) {
      const mtl::Task& task = model_->tasks()[t];
      const Var loss = mtl::task_loss(task, y[t], targets_[t], masks_[t]);
      total = total ? total + loss : loss;
      if (!record) continue;
      results_["out." + task.name] = to_file(y[t].value(), image_edge(y[t].value()));
      results_["loss." + task.name] = loss.value().reshape(Shape());
    }
    if (record) results_["total"] = total.value().reshape(Shape());
    return total;
  }

  void record_gradients() {
    for (const nn::Parameter& p : model_->parameters())
      if (p.var.grad()) put("grad." + p.name, p.var.grad(), p.layout);
    for (const nn::Buffer& b : model_->buffers()) put("after." + b.name, b.tensor, nn::Layout::Plain);
  }

  json adam_;
  std::unique_ptr<mtl::Model> model_;
  Tensor x_;
  std::vector<Tensor> targets_, masks_;
  Results results_;
};

// ---- an encoder alone -----------------------------------------------------------------------------------------------

// In evaluation eval.u.<level> and eval.p.<level>; in training u, p and after.<buffer>; and where the case has the
// upstream gradients dy.u.<level> and dy.p.<level>, grad.x and grad.<parameter>.
Results run_encoder(const json& spec, const std::string& folder, Device device) {
  mtl::ModelConfig config;
  config.backbone = spec.at("backbone");
  config.norm = spec.value("norm", "batch");
  config.spatial_dims = spec.at("rank");
  config.in_channels = spec.at("in_channels");
  config.widths = spec.at("widths").get<std::vector<std::int64_t>>();
  const auto encoder = mtl::make_encoder(config);
  nn::load_checkpoint(folder + "/weights.safetensors", *encoder, true, nullptr,
                      [](const std::string& tensor) { return tensor.starts_with("fc."); });
  encoder->to(device);
  const nn::SafetensorsReader io(folder + "/io.safetensors");
  const Var x(from_file(io.tensor("x"), Edge::Image).to(device), true);
  Results results;
  Var total;
  const auto put = [&](const std::string& prefix, const char* kind, const std::vector<Var>& levels) {
    for (std::size_t j = 0; j < levels.size(); ++j) {
      const std::string name = fmt::format("{}.{}", kind, j);
      results[prefix + name] = to_file(levels[j].value(), Edge::Image);
      if (!prefix.empty() || !io.has("dy." + name)) continue;
      const Var term = sum(levels[j] * Var(from_file(io.tensor("dy." + name), Edge::Image).to(device)));
      total = total ? total + term : term;
    }
  };
  for (const bool training : {false, true}) {
    encoder->train(training);
    const mtl::Features f = encoder->features(x);
    put(training ? "" : "eval.", "u", f.u);
    put(training ? "" : "eval.", "p", f.p);
  }
  for (const nn::Buffer& b : encoder->buffers()) results["after." + b.name] = b.tensor.clone();
  if (!total) return results;
  total.backward();
  results["grad.x"] = to_file(x.grad(), Edge::Image);
  for (const nn::Parameter& p : encoder->parameters())
    results["grad." + p.name] = to_file(p.var.grad(), p.layout == nn::Layout::Conv ? Edge::Window : Edge::Plain);
  return results;
}

// ---- single ops -----------------------------------------------------------------------------------------------------

using Inputs = std::map<std::string, Var>;
using OpFunction = std::function<Var(const json&, const Inputs&)>;

Var optional(const Inputs& in, const std::string& name) { return in.count(name) ? in.at(name) : Var(); }

ConvOptions conv_options(const json& c) {
  ConvOptions options = ConvOptions();
  options.stride.fill(c.at("stride"));
  options.pad.fill(c.value("pad", 0));
  return options;
}

PoolOptions pool_options(const json& c) {
  return PoolOptions::window(c.at("kernel"), c.at("stride"), c.value("pad", 0));
}

Var replay_batch_norm(const json& c, const Inputs& in) {
  Tensor mean = in.at("running_mean").value(), var = in.at("running_var").value();  // written in place
  return batch_norm(in.at("x"), in.at("weight"), in.at("bias"), mean, var, c.at("mode") == "train", c.at("momentum"),
                    c.at("eps"));
}

Var replay_attention(const json& c, const Inputs& in) {
  const real d = static_cast<real>(in.at("q").size(2));
  return attention(in.at("q"), in.at("k"), in.at("v"), c.at("scale") ? 1 / std::sqrt(d) : 1);
}

Var replay_cross_entropy(const json&, const Inputs& in) {
  CrossEntropyOptions options;
  if (in.count("class_weight")) options.weight = in.at("class_weight").value();
  return cross_entropy(in.at("x"), in.at("target").value(), options);
}

Var replay_dice(const json& c, const Inputs& in) {
  const Var& x = in.at("x");
  const Tensor& target = in.at("target").value();
  if (c.at("activation") == "sigmoid") return dice_loss(sigmoid(x), target, c.at("smooth"));
  return dice_loss(softmax(x), one_hot(target, x.size(-1)), c.at("smooth"));
}

const std::map<std::string, OpFunction>& op_functions() {
  static const std::map<std::string, OpFunction> functions{
      {"conv",
       [](auto& c, auto& in) { return conv(in.at("x"), in.at("weight"), optional(in, "bias"), conv_options(c)); }},
      {"conv_transpose",
       [](auto& c, auto& in) {
         return conv_transpose(in.at("x"), in.at("weight"), optional(in, "bias"), conv_options(c));
       }},
      {"max_pool", [](auto& c, auto& in) { return max_pool(in.at("x"), pool_options(c)); }},
      {"avg_pool", [](auto& c, auto& in) { return avg_pool(in.at("x"), pool_options(c)); }},
      {"global_avg_pool", [](auto&, auto& in) { return global_avg_pool(in.at("x")); }},
      {"batch_norm", replay_batch_norm},
      {"linear", [](auto&, auto& in) { return linear(in.at("x"), in.at("weight"), optional(in, "bias")); }},
      {"softmax", [](auto& c, auto& in) { return softmax(in.at("x"), c.at("axis")); }},
      {"attention", replay_attention},
      {"upsample", [](auto& c, auto& in) { return resize(in.at("x"), c.at("size")); }},
      {"gelu", [](auto& c, auto& in) { return gelu(in.at("x"), c.at("approximate") == "tanh"); }},
      {"sigmoid", [](auto&, auto& in) { return sigmoid(in.at("x")); }},
      {"relu", [](auto&, auto& in) { return relu(in.at("x")); }},
      {"cross_entropy", replay_cross_entropy},
      {"bce_with_logits", [](auto&, auto& in) { return bce_with_logits(in.at("x"), in.at("target").value()); }},
      {"dice", replay_dice},
      {"masked_l1",
       [](auto&, auto& in) { return l1_loss(in.at("x"), in.at("target").value(), in.at("mask").value()); }}};
  return functions;
}

// The file's layout of an input or output of an op.
Edge edge_of(const json& c, const std::string& name, int rank) {
  static const std::set<std::string> plain{"linear", "softmax", "attention", "gelu", "sigmoid", "relu"};
  const std::string op = c.at("op");
  if (plain.count(op) || rank <= 2) return Edge::Plain;
  if (name == "weight") return Edge::Window;
  const bool class_numbers = op == "cross_entropy" || (op == "dice" && c.at("activation") == "softmax");
  return name == "target" && class_numbers ? Edge::Plain : Edge::Image;
}

void run_op(const json& c, const nn::SafetensorsReader& io, Device device, Results* results) {
  const std::string name = c.at("name"), op = c.at("op");
  const std::vector<std::string> wanted = c.at("gradients");
  MEDUSA_CHECK_INPUT(op_functions().count(op), "replay: case {} has an unknown op '{}'", name, op);
  Inputs in;
  for (const std::string key : c.at("inputs")) {
    const Tensor t = io.tensor(name + "." + key);
    const bool requires_grad = std::find(wanted.begin(), wanted.end(), key) != wanted.end();
    in[key] = Var(from_file(t, edge_of(c, key, t.rank())).to(device), requires_grad);
  }
  const Tensor dy = io.tensor(name + ".dy").to(device);
  const Edge edge = edge_of(c, "y", dy.rank());
  const Var y = op_functions().at(op)(c, in);
  y.backward(dy.rank() == 0 ? dy.reshape({1}) : from_file(dy, edge));
  (*results)[name + ".y"] = dy.rank() == 0 ? y.value().reshape(Shape()) : to_file(y.value(), edge);
  for (const std::string& key : wanted) {
    const Tensor& grad = in.at(key).grad();
    if (grad) (*results)[name + ".grad." + key] = to_file(grad, edge_of(c, key, grad.rank()));
  }
  if (c.value("mode", "") == "train")
    for (const std::string key : {"running_mean", "running_var"})
      (*results)[name + ".after." + key] = in.at(key).value();
}

Results run_ops(const json& spec, const std::string& folder, Device device) {
  const nn::SafetensorsReader io(folder + "/io.safetensors");
  Results results;
  for (const json& c : spec.at("cases")) run_op(c, io, device, &results);
  return results;
}

// ---- the program --------------------------------------------------------------------------------------------------

void replay(const std::string& folder, const std::string& out, Device device) {
  const std::string path = folder + "/case.json";
  try {
    const json spec = nn::parse_json<json>(read_text_file(path), path);
    const std::string kind = spec.value("kind", "network");
    Results results = kind == "ops"       ? run_ops(spec, folder, device)
                      : kind == "encoder" ? run_encoder(spec, folder, device)
                                          : NetCase(spec, folder, device).run();
    for (auto& entry : results) entry.second = entry.second.to(Device::CPU);
    nn::write_safetensors(out, results);
    tools::print_line("{}: {} tensors", out, results.size());
  } catch (const json::exception& e) {
    fail_input("{}: {}", path, e.what());
  }
}

}  // namespace
}  // namespace medusa

int main(int argc, char** argv) {
  medusa::tools::CommandLine command{
      "Runs a reference case, a network, an encoder or single ops, and writes all results in PyTorch's names and "
      "layouts.\n"
      "A case is a folder with case.json, io.safetensors and, except for ops, weights.safetensors.\n"
      "Or computes the weights of balancing methods for losses and gradients that a file gives, a line of JSON each.",
      "replay"};
  std::string folder, balancing, out;
  medusa::tools::DeviceChoice device;
  int threads = 0;
  command.option("--case", folder, "folder of the case");
  command.option("--balancing", balancing, "in place of --case: file of lines {\"method\": ..., \"steps\": [...]}");
  command.option("--out", out, "file to write: safetensors; with --balancing lines of weights").required();
  medusa::tools::device_options(command, device);
  command.option("--threads", threads, "threads to use; 0: as many as the machine has");
  return medusa::tools::run(
      command, argc, argv,
      [&] {
        medusa::set_threads(threads);
        MEDUSA_CHECK_INPUT(folder.empty() != balancing.empty(), "expected either --case or --balancing");
        if (!balancing.empty()) return medusa::tools::replay_balancing(balancing, out);
        medusa::replay(folder, out, medusa::tools::open_device(device));
      },
      medusa::tools::kFewerThreads);
}

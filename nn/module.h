// Module: owns parameters, buffers and child modules.  param(), buffer() and add<T>() are the only ways to own one,
// so none can be forgotten by the optimiser or the checkpoint.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "autograd/var.h"
#include "nn/init.h"

namespace medusa::nn {

// How a tensor is stored in files, where everything has PyTorch's layouts.
enum class Layout {
  Plain,  // the same in memory and on disk
  Conv,   // memory [k.., I, O]; disk [O, I, k..]  (for a transposed convolution O is its input, see ops.h)
};

// The owner of everything that no marked module contains (see Module::set_owner).
constexpr int kNoOwner = -1;

struct Parameter {
  std::string name;  // with the path: "encoder.stages.0.first.conv1.weight"
  Var var;
  Layout layout;
  Init init;
  int owner = kNoOwner;
  std::uint64_t blank = ~std::uint64_t{0};  // Storage::version of the zeros that Module::param() made

  // Whether anything has been written to it since: by initialize(), from a file, or by hand.
  bool initialized() const { return var.value().storage()->version != blank; }
};

struct Buffer {
  std::string name;
  Tensor tensor;  // shares memory with the module's own handle: write through it in place
  int owner = kNoOwner;
};

class Module {
 public:
  Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  virtual ~Module() = default;

  // For modules with one input and one output; others have functions of their own and do not override this one.
  virtual Var forward(const Var& x);
  Var operator()(const Var& x) { return forward(x); }

  // Those of this module and of all below it, depth first in order of creation.  Var and Tensor are handles: writing to
  // them changes the module.
  std::vector<Parameter> parameters() const;
  std::vector<Buffer> buffers() const;
  std::int64_t parameter_count() const;

  // Marks this module and all below it, including those added later: parameters() and buffers() report `owner`, 0 or
  // more.  What the number means is up to the caller (in mtl/ it is a task).  A mark further down overrides this one.
  void set_owner(int owner);

  // Gives all parameters their initial values.  Parameters added later need another call.
  void initialize(std::uint64_t seed);
  // Training or evaluation, for this module and all below.
  void train(bool on = true);
  void eval() { train(false); }
  bool training() const { return training_; }
  void zero_grad();
  // Moves all parameters and buffers to `device`; drops gradients.
  void to(Device device);

 protected:
  // Adds a parameter of zeros of this shape (in memory layout).  An optimiser refuses it until initialize(), a
  // checkpoint or the module's author has written to it.
  Var param(const std::string& name, const Shape& shape, Init init, Layout layout = Layout::Plain);
  // A tensor that is saved but not trained, such as running statistics.
  Tensor buffer(const std::string& name, Tensor value);
  // A child; it lives as long as this module.
  template <class M, class... Args>
  M& add(const std::string& name, Args&&... args) {
    auto child = std::make_unique<M>(std::forward<Args>(args)...);
    M& reference = *child;
    adopt(name, std::move(child));
    return reference;
  }
  // The same for an existing child, such as one from a factory.
  template <class M>
  M& add(const std::string& name, std::unique_ptr<M> child) {
    M* made = child.get();
    adopt(name, std::move(child));
    return *made;
  }
  void adopt(const std::string& name, std::unique_ptr<Module> child);

 private:
  void check_name(const std::string& name) const;
  void collect(const std::string& prefix, int owner, std::vector<Parameter>* parameters,
               std::vector<Buffer>* buffers) const;

  std::vector<Parameter> parameters_;
  std::vector<Buffer> buffers_;
  std::vector<std::pair<std::string, std::unique_ptr<Module>>> children_;
  int owner_ = kNoOwner;
  bool training_ = true;
};

}  // namespace medusa::nn

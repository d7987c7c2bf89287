// Module <-> safetensors.  A convolution's weight is [k.., I, O] in memory and [O, I, k..] on disk; the rest is the
// same.
#include "nn/checkpoint.h"

#include <set>

#include "nn/safetensors.h"

namespace medusa::nn {

namespace {

const std::string kExtra = "extra.";

std::vector<std::int64_t> dims(const Shape& shape) { return {shape.begin(), shape.end()}; }

std::vector<std::int64_t> disk_dims(const Shape& memory, Layout layout) {
  if (layout == Layout::Plain) return dims(memory);
  MEDUSA_CHECK(memory.rank() >= 2, "checkpoint: a convolution's weight has at least 2 axes, found {}", memory);
  std::vector<std::int64_t> disk{memory[-1], memory[-2]};
  disk.insert(disk.end(), memory.begin(), memory.end() - 2);
  return disk;
}

// Both directions: `taps` window positions, each with an [I, O] matrix in memory.
Tensor to_disk(const Tensor& memory, Layout layout) {
  const Tensor host = memory.to(Device::CPU);
  if (layout == Layout::Plain) return host;
  const std::int64_t outs = host.size(-1), ins = host.size(-2);
  const std::int64_t taps = outs * ins == 0 ? 0 : host.numel() / (outs * ins);
  Tensor disk = Tensor::empty(Shape(disk_dims(host.shape(), layout)));
  real* to = disk.mutable_data();
  for (std::int64_t o = 0; o < outs; ++o)
    for (std::int64_t i = 0; i < ins; ++i)
      for (std::int64_t k = 0; k < taps; ++k) *to++ = host.data()[(k * ins + i) * outs + o];
  return disk;
}

Tensor to_memory(const Tensor& disk, const Shape& memory, Layout layout) {
  if (layout == Layout::Plain) return disk;
  Tensor host = Tensor::empty(memory);
  const std::int64_t outs = memory[-1], ins = memory[-2];
  const std::int64_t taps = outs * ins == 0 ? 0 : memory.numel() / (outs * ins);
  const real* from = disk.data();
  real* to = host.mutable_data();
  for (std::int64_t o = 0; o < outs; ++o)
    for (std::int64_t i = 0; i < ins; ++i)
      for (std::int64_t k = 0; k < taps; ++k) to[(k * ins + i) * outs + o] = *from++;
  return host;
}

// One named place in the module; `tensor` shares the module's memory.
struct Slot {
  std::string name;
  Tensor tensor;
  Layout layout;
};

std::vector<Slot> slots_of(const Module& module) {
  std::vector<Slot> slots;
  for (const Parameter& p : module.parameters()) slots.push_back({p.name, p.var.value(), p.layout});
  for (const Buffer& b : module.buffers()) slots.push_back({b.name, b.tensor, Layout::Plain});
  return slots;
}

bool starts_with(const std::string& text, const std::string& prefix) { return text.rfind(prefix, 0) == 0; }

// PyTorch's batch norm counts its batches in this integer; nothing here needs it.
bool is_batch_counter(const std::string& name) {
  const std::string counter = "num_batches_tracked";
  return name.size() >= counter.size() && name.compare(name.size() - counter.size(), counter.size(), counter) == 0;
}

std::string list(const std::vector<std::int64_t>& sizes) { return fmt::format("[{}]", fmt::join(sizes, ", ")); }

LoadReport match(const SafetensorsReader& file, const std::vector<Slot>& slots, const NameTest& ignore) {
  LoadReport report;
  std::set<std::string> known;
  for (const Slot& slot : slots) {
    if (ignore && ignore(slot.name)) continue;
    known.insert(slot.name);
    const auto expected = disk_dims(slot.tensor.shape(), slot.layout);
    if (!file.has(slot.name))
      report.missing.push_back(slot.name);
    else if (file.entry(slot.name).shape == expected)
      report.matched.push_back(slot.name);
    else
      report.wrong_shape.push_back(
          fmt::format("{} expects {}, found {}", slot.name, list(expected), list(file.entry(slot.name).shape)));
  }
  for (const auto& [name, entry] : file.entries()) {
    if (known.count(name) || starts_with(name, kExtra) || is_batch_counter(name)) continue;
    (ignore && ignore(name) ? report.ignored : report.unexpected).push_back(name);
  }
  return report;
}

}  // namespace

std::string LoadReport::summary() const {
  std::string text = fmt::format("{} matched", matched.size());
  const auto add = [&text](const char* kind, const std::vector<std::string>& names) {
    if (!names.empty()) text += fmt::format("; {} {} ({})", names.size(), kind, first_names(names, 3));
  };
  add("missing", missing);
  add("unexpected", unexpected);
  add("wrongly shaped", wrong_shape);
  add("ignored", ignored);
  return text;
}

void save_checkpoint(const std::string& path, const Module& module, const Checkpoint& checkpoint) {
  std::vector<SafetensorsItem> items;
  for (const Slot& slot : slots_of(module))
    items.push_back(
        {slot.name, disk_dims(slot.tensor.shape(), slot.layout), [slot] { return to_disk(slot.tensor, slot.layout); }});
  for (const auto& [name, tensor] : checkpoint.extra)
    items.push_back({kExtra + name, dims(tensor.shape()), [&tensor = tensor] { return tensor; }});
  write_safetensors(path, items, checkpoint.metadata);
}

LoadReport compare_checkpoint(const std::string& path, const Module& module, const NameTest& ignore) {
  return match(SafetensorsReader(path), slots_of(module), ignore);
}

LoadReport load_checkpoint(const std::string& path, Module& module, bool strict, Checkpoint* checkpoint,
                           const NameTest& ignore) {
  const SafetensorsReader file(path);
  const std::vector<Slot> slots = slots_of(module);
  LoadReport report = match(file, slots, ignore);
  MEDUSA_CHECK_INPUT(!strict || report.complete(), "{}: does not fit this network: {}", path, report.summary());

  // Everything is read before anything is changed: a file that cannot be read to its end leaves the module as it was.
  const std::set<std::string> matched(report.matched.begin(), report.matched.end());
  std::vector<std::pair<Tensor, Tensor>> copies;
  for (const Slot& slot : slots)
    if (matched.count(slot.name))
      copies.emplace_back(slot.tensor, to_memory(file.tensor(slot.name), slot.tensor.shape(), slot.layout));
  Checkpoint found;
  if (checkpoint != nullptr) {
    for (const auto& [name, entry] : file.entries())
      if (starts_with(name, kExtra)) found.extra[name.substr(kExtra.size())] = file.tensor(name);
    found.metadata = file.metadata();
    *checkpoint = std::move(found);
  }
  for (auto& [target, value] : copies) target.copy_from(value);
  return report;
}

}  // namespace medusa::nn

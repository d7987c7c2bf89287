// Checkpoints: a module's parameters and buffers as a safetensors file with PyTorch's names and layouts:
// PyTorch loads them by name, and its own files load here.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "nn/module.h"

namespace medusa::nn {

struct Checkpoint {
  std::map<std::string, Tensor> extra;          // further tensors in memory layout, such as optimiser state
  std::map<std::string, std::string> metadata;  // text: epoch, configuration, random state
};

// What a load found, by name.
struct LoadReport {
  std::vector<std::string> matched, missing, unexpected, wrong_shape;
  std::vector<std::string> ignored;  // in the file, and among the names to ignore
  bool complete() const { return missing.empty() && unexpected.empty() && wrong_shape.empty(); }
  std::string summary() const;  // one line: counts and the first few names of each kind
};

// Writes atomically (see tensor/file.h).  `extra` tensors get the prefix "extra." in the file.
void save_checkpoint(const std::string& path, const Module& module, const Checkpoint& checkpoint = {});
// What load_checkpoint would find; changes nothing.
using NameTest = std::function<bool(const std::string& name)>;
LoadReport compare_checkpoint(const std::string& path, const Module& module, const NameTest& ignore = {});
// Copies the file's tensors into the module.  Strict: throws InputError with the report's summary, and changes
// nothing, unless every name matches.  Not strict: takes what matches.  "extra." tensors are not part of the report.
// Names for which `ignore` is true are left out on both sides: what the file has is ignored, what the module has stays.
LoadReport load_checkpoint(const std::string& path, Module& module, bool strict = true,
                           Checkpoint* checkpoint = nullptr, const NameTest& ignore = {});

}  // namespace medusa::nn

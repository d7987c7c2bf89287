// The few numbers of a step that the host must know, in one copy: the host waits for a GPU once, not once per number.
#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace medusa {

// The values of all tensors, which lie on one device; nothing for an empty one.
std::vector<std::vector<double>> read_back(const std::vector<Tensor>& tensors);

}  // namespace medusa

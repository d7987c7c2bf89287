// Volumes larger than what a network was trained on: a window slides over them.
#pragma once

#include <functional>
#include <vector>

#include "datasets/extent.h"
#include "mtl/networks/model.h"

namespace medusa::mtl {

struct SlidingWindow {
  datasets::Extent size;  // of the window; empty: the whole volume at once
  double overlap = 0.5;   // of neighbouring windows, as part of the window's side, 0 to 0.9
};
// Throws InputError if the overlap is out of range or the size does not have `spatial_dims` axes.
void check(const SlidingWindow& window, int spatial_dims);

// Where the windows of one axis lie, and each window's share of each of its voxels: a Gaussian around the window's
// middle, its standard deviation an eighth of the length, divided by the sum over all windows that cover the voxel.  So
// the shares of all windows add up to 1 at every voxel.
struct WindowAxis {
  std::int64_t length = 0;                 // of a window; at most the side
  std::vector<std::int64_t> first;         // evenly spread from 0 to side - length
  std::vector<std::vector<double>> share;  // [window][voxel within it]
};
WindowAxis window_axis(std::int64_t side, std::int64_t window, double overlap);

// Called when planes [first, first + count) along the outermost axis are complete: per task the outputs
// [N, count, .., channels].
using OutputPart = std::function<void(std::int64_t first, const std::vector<Tensor>& outputs)>;

// The outputs of Model::outputs() for x [N, S, C], blended over windows, handed out part by part from the first plane
// to the last.  However large x is, memory beside it holds only the outputs of as many planes as a window is deep, and
// what the network needs for one window.  x is on the CPU; each window goes to the model's device, and the outputs come
// back to the CPU.  If the window is as large as x, the outputs are those of outputs_any_size.  Throws InputError for a
// task with one output per image: a window does not see the whole image.
void slide(Model& model, const Tensor& x, const SlidingWindow& window, const OutputPart& part);

// All planes at once.
std::vector<Tensor> sliding_outputs(Model& model, const Tensor& x, const SlidingWindow& window);

}  // namespace medusa::mtl

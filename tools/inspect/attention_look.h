// One picture through one network, with everything that the pictures of its attention need.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "datasets/extent.h"
#include "datasets/images/image.h"
#include "mtl/networks/attention_record.h"
#include "mtl/predictor.h"
#include "tools/cli/program.h"
#include "tools/inspect/inspect.h"

namespace medusa::tools {

// What is known of a task's right answer on this picture.
struct Truth {
  std::vector<datasets::Image> regions;  // pixel-level: 0 and 255 per label, of the picture's size; or none
  std::vector<bool> classes;             // image-level: which hold; or none
};

struct Look {
  std::string name;  // of the picture's file, without folder and extension
  datasets::Image picture;
  datasets::Extent size;  // that pictures have in front of the network
  std::unique_ptr<mtl::Predictor> predictor;
  mtl::Model* model = nullptr;                          // the predictor's
  std::vector<mtl::Answer> answers;                     // per task
  std::vector<std::vector<datasets::Image>> predicted;  // per task the regions, as Truth::regions
  std::vector<Truth> truth;                             // per task
  mtl::AttentionRecord record;
  struct Place {
    std::int64_t y, x;  // pixels of the picture
    std::string how;    // how it was chosen
  } query;
};

// Throws InputError if an option is invalid, or the network has no attention.
Look look(const AttentionOptions& options);

// Level `values` [1, h, w] of the network's frame as the picture has it, in `height` x `width`; -> [height, width].
Tensor over_picture(const Look& look, const Tensor& values, std::int64_t height, std::int64_t width);

// The places of the last level, [h, w], and which of them, in row-major order, holds the query.
Shape bottleneck_places(const Look& look);
std::int64_t query_place(const Look& look);

}  // namespace medusa::tools

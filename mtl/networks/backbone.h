// Backbones: the encoders by name, and what the other parts of a network must know about an encoder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mtl/networks/encoder.h"
#include "mtl/networks/model.h"
#include "nn/norm.h"

namespace medusa::mtl {

struct Backbone {
  std::vector<std::int64_t> channels;  // of u_j and p_j at each level j, outermost first
  std::int64_t stride = 1;             // input pixels per pixel of level 0, along each axis; doubles with every level
  // Channels of the decoder after each doubling of the resolution, full resolution first; the last entry is for level
  // L-2.  With more than L-1 entries, the encoder has no features at the outermost resolutions.
  std::vector<std::int64_t> decoder;
  nn::Norm norm = nn::Norm::Batch;     // behind every convolution
  std::int64_t attention_divisor = 1;  // attention modules have channels[j] / attention_divisor channels inside

  std::size_t levels() const { return channels.size(); }
  std::int64_t attention_width(std::size_t j) const { return channels[j] / attention_divisor; }
  // The sides of images must be multiples of this: the input pixels per pixel of the deepest level.
  std::int64_t size_multiple() const { return stride << (levels() - 1); }
};

std::vector<std::string> backbones();
// Widths (see ModelConfig) if the user gives none.
std::vector<std::int64_t> default_widths(const std::string& backbone);

// For the network that `config` describes.  Throw InputError for an unknown name (listing the names) or unsuitable
// widths.
Backbone backbone_of(const ModelConfig& config);
std::unique_ptr<Encoder> make_encoder(const ModelConfig& config);
// Refine_j of MTAN and CTAN: a residual block of the backbone's kind from channels[j] to channels[j+1], with a 1x1-BN
// projection; the resolution stays  [MTAN].
std::unique_ptr<nn::Module> make_refine(const ModelConfig& config, std::size_t j);

}  // namespace medusa::mtl

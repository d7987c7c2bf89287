// Winograd's convolution for 3x3 kernels: see winograd.cpp.
#pragma once

#include "tensor/cpu/conv.h"

namespace medusa::MEDUSA_CPU {

// Whether a pass, or the weight gradient of one, is of a kind and size for which Winograd is faster.
bool winograd_fits(const ConvPass& pass);
bool winograd_weights_fit(const ConvPass& pass);
void winograd_pass(const ConvPass& pass);
void winograd_weights(const ConvPass& pass, const real* x, const real* dy, real* dw);

}  // namespace medusa::MEDUSA_CPU

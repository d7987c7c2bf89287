// The library's main header: one include for tensors, gradients, layers, optimisers, checkpoints, and multi-task
// networks with their training.  File formats, dataset layouts and single blocks of an architecture have headers of
// their own, under the same paths as in the sources.
//
//   Tensor   numbers in memory: Tensor::from(values, {64, 32, 32, 1}), .to(Device::CUDA)
//   Var      a Tensor that remembers how it was computed: ops of autograd/ops.h, .backward(), .grad()
//   nn::     modules: Conv2d, Linear, BatchNorm, Sequential; optimisers: Sgd, Adam, AdamW; save_checkpoint()
//   mtl::    Task, Model and make_model(), Trainer, evaluate(), Predictor, Ensemble
//   datasets::  Dataset, Loader
//
// Errors are exceptions: InputError for bad input, such as a malformed file; Error for everything else.
#pragma once

#include "autograd/gradcheck.h"
#include "autograd/ops.h"
#include "autograd/var.h"
#include "datasets/dataset.h"
#include "datasets/loader.h"
#include "datasets/split.h"
#include "mtl/inference/ensemble.h"
#include "mtl/networks/backbone.h"
#include "mtl/networks/decoder.h"
#include "mtl/networks/heads.h"
#include "mtl/networks/model.h"
#include "mtl/networks/model_file.h"
#include "mtl/networks/shared_model.h"
#include "mtl/predictor.h"
#include "mtl/task.h"
#include "mtl/training/evaluate.h"
#include "mtl/training/loader_source.h"
#include "mtl/training/metrics.h"
#include "mtl/training/trainer.h"
#include "nn/activation.h"
#include "nn/checkpoint.h"
#include "nn/conv.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn/module.h"
#include "nn/norm.h"
#include "nn/optim.h"
#include "nn/pool.h"
#include "nn/resblock.h"
#include "nn/schedule.h"
#include "nn/sequential.h"
#include "tensor/parallel.h"
#include "tensor/random.h"
#include "tensor/tensor.h"

// Balancing methods outside a training: weights for losses and gradients that a file gives, so that any other
// implementation can be held against ours.
#pragma once

#include <string>

namespace medusa::tools {

// Each line of `in` is a JSON object:
//   {"method": "famo", "tasks": 2, "options": {"lr": 0.025}, "epochs": [[2, 1]],
//    "steps": [{"losses": [2, 1], "gram": [1, 0, 0, 1], "losses_after": [1.9, 1]}, ...]}
// losses: null is a task without a label.  gram: row-major Gram matrix of the gradients on the shared parameters, for
// methods that use gradients.  losses_after: of the same batch after the step, for famo.  epochs: mean losses of the
// epochs before the first step, for dwa, gradnorm and stch.  options: by the names of train's options, with or without
// what stands before the first hyphen; absent ones have train's defaults.  "seed": of rlw and pcgrad; 0 if absent.
// "learning_rate": of the network, for uw; train's if absent.
//
// A line of `out`: the weights of every step, [[0.5, 0.5], ...].  Throws InputError "<in>:<line>: ..." if a line is
// malformed or does not fit its method.
void replay_balancing(const std::string& in, const std::string& out);

}  // namespace medusa::tools

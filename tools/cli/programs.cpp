#include "tools/cli/programs.h"

#include <string>

#include "tensor/check.h"
#include "tools/cli/program.h"

namespace medusa::tools {

int program_main(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "";
  if (name == "train") return train_main(argc - 1, argv + 1);
  if (name == "evaluate") return evaluate_main(argc - 1, argv + 1);
  if (name == "predict") return predict_main(argc - 1, argv + 1);
  return run_program(argc > 0 ? argv[0] : "program", [&]() -> int {
    fail_input("{}expected train, evaluate or predict", name.empty() ? "" : name + ": ");
  });
}

}  // namespace medusa::tools

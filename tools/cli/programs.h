// The programs as functions, for a program that has registered an architecture, a loss or a metric of its own: they
// then know it by name like the library's.
#pragma once

namespace medusa::tools {

// Run the programs with these arguments; argv[0] is ignored.  Return the exit status, after one line on stderr if it is
// not 0.
int train_main(int argc, char** argv);
int evaluate_main(int argc, char** argv);
int predict_main(int argc, char** argv);

// Those three as commands of one program: argv[1] is "train", "evaluate" or "predict".
int program_main(int argc, char** argv);

}  // namespace medusa::tools

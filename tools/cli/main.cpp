// The main() of the programs that are functions of the library too (programs.h): CMake compiles it for each, with
// MEDUSA_PROGRAM=train_main and so on.
#include "tools/cli/programs.h"

int main(int argc, char** argv) { return medusa::tools::MEDUSA_PROGRAM(argc, argv); }

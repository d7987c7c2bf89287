// The option --device of the programs.
#pragma once

#include <string>

#include "tensor/device.h"
#include "tools/common_cli.h"

namespace medusa::tools {

// Adds --device cpu | cuda | cuda:k.
void device_option(CommandLine& command, std::string& text);
// Makes that device ready.  Throws InputError where the text names none, Error where this build or this machine has no
// such device, with the reason.
Device open_device(const std::string& text);

}  // namespace medusa::tools

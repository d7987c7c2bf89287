// Error handling of all tools.
#include "tools/cli/program.h"

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "tensor/check.h"
#include "tensor/memory.h"

namespace medusa::tools {

namespace {

std::string one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (char& c : text)
    if (c == '\n') c = ' ';
  return text;
}

int report(const std::string& tool, const std::exception& error, int status) {
  fmt::print(stderr, "{}: {}\n", tool, one_line(error.what()));
  return status;
}

}  // namespace

int run_program(const std::string& tool, const std::function<int()>& body, const std::string& less_memory) {
  const std::string advice = less_memory.empty() ? "" : "; " + less_memory;
  try {
    const int status = body();
    MEDUSA_CHECK(std::fflush(stdout) == 0 && std::ferror(stdout) == 0, "standard output: cannot be written: {}",
                 std::generic_category().message(errno));
    return status;
  } catch (const HelpShown&) {
    return 0;
  } catch (const InputError& error) {
    return report(tool, error, 2);
  } catch (const OutOfMemory& error) {
    return report(tool, std::runtime_error(error.what() + advice), 1);
  } catch (const std::bad_alloc&) {
    return report(tool, std::runtime_error("out of memory" + advice), 1);
  } catch (const std::exception& error) {
    return report(tool, error, 1);
  }
}

int run(CommandLine& command, int argc, char** argv, const std::function<void()>& body,
        const std::string& less_memory) {
  return run_program(
      command.name(),
      [&] {
        command.parse(std::vector<std::string>(argv + 1, argv + argc));
        body();
        return 0;
      },
      less_memory);
}

}  // namespace medusa::tools

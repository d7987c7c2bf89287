// Error handling of all tools.
#include "tools/cli/program.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
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
  print_error_line(tool + ": " + one_line(error.what()));
  return status;
}

// Or else the next file that is opened would be taken for it.
void open_closed_streams() {
  for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(stream, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != stream) _exit(1);
}

}  // namespace

int run_program(const std::string& tool, const std::function<int()>& body, const std::string& less_memory) {
  open_closed_streams();
  std::signal(SIGXFSZ, SIG_IGN);  // a file that grows too large is an error of the write
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

void print_error_line(const std::string& text) {
  std::fputs((text + "\n").c_str(), stderr);
  std::fflush(stderr);
}

void survive_closed_pipes() { std::signal(SIGPIPE, SIG_IGN); }

void on_stop_signals(void (*handler)(int)) {
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    if (sigaction(signal, nullptr, &before) == 0 && before.sa_handler != SIG_IGN) std::signal(signal, handler);
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

// Error handling of all tools.
#include "tools/cli/program.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <new>
#include <system_error>

#include "tensor/check.h"
#include "tensor/memory.h"

namespace {

// What operator new throws, with the number of bytes.
class Refused : public std::bad_alloc {
 public:
  explicit Refused(std::size_t bytes) noexcept {
    std::snprintf(text_, sizeof text_, "out of memory: %zu bytes asked for", bytes);
  }
  const char* what() const noexcept override { return text_; }

 private:
  char text_[64];
};

thread_local std::size_t refused = 0;  // what operator new refused last in this thread, bytes

}  // namespace

// The sanitizers have an operator new of their own, which ends the program.
#if defined(__has_feature)
#define MEDUSA_FEATURE(name) __has_feature(name)
#else
#define MEDUSA_FEATURE(name) 0
#endif
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !MEDUSA_FEATURE(address_sanitizer) && \
    !MEDUSA_FEATURE(thread_sanitizer)

// Weak: a program may have its own.
[[gnu::weak]] void* operator new(std::size_t bytes) {
  for (;;) {
    if (void* block = std::malloc(bytes > 0 ? bytes : 1)) return block;
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) {
      refused = bytes;
      throw Refused(bytes);
    }
    handler();
  }
}
[[gnu::weak]] void operator delete(void* block) noexcept { std::free(block); }
[[gnu::weak]] void operator delete(void* block, std::size_t) noexcept { std::free(block); }

#endif

namespace medusa::tools {

namespace {

// Without the line breaks and other control characters that text from a file may have.
std::string one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (char& c : text)
    if (c == '\n') c = ' ';
  return printable(text);
}

int report(const std::string& tool, const std::exception& error, int status) {
  print_error_line(tool + ": " + error.what());
  return status;
}

// In pieces, so that it needs no memory.
int report_memory(const std::string& tool, const std::exception& error, const std::string& less_memory) {
  const std::string_view what = error.what();
  std::fprintf(stderr, "%s: %s%s%s\n", tool.c_str(), what == "std::bad_alloc" ? "out of memory" : error.what(),
               less_memory.empty() ? "" : "; ", less_memory.c_str());
  return 1;
}

// A refusal that nothing catches, before run_program() or where nothing may be thrown, ends the program with a line
// too.  Compilers may end it in a function that may not throw, such as the standard library's directory iterators,
// before the exception is caught: it is in flight then, and not the current one.
[[noreturn]] void end_without_memory() {
  try {
    if (const std::exception_ptr error = std::current_exception()) std::rethrow_exception(error);
    if (std::uncaught_exceptions() > 0 && refused > 0)
      _exit(report_memory(program_invocation_short_name, Refused(refused), ""));
  } catch (const std::bad_alloc& error) {
    _exit(report_memory(program_invocation_short_name, error, ""));
  } catch (...) {
  }
  std::abort();
}
[[maybe_unused]] const std::terminate_handler terminate_before = std::set_terminate(end_without_memory);

int status_of(const std::function<int()>& body) {
  try {
    return body();
  } catch (const HelpShown&) {
    return 0;
  }
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
  try {
    const int status = status_of(body);
    MEDUSA_CHECK(std::fflush(stdout) == 0 && std::ferror(stdout) == 0, "standard output: cannot be written: {}",
                 std::generic_category().message(errno));
    return status;
  } catch (const InputError& error) {
    return report(tool, error, 2);
  } catch (const OutOfMemory& error) {
    return report_memory(tool, error, less_memory);
  } catch (const std::bad_alloc& error) {
    return report_memory(tool, error, less_memory);
  } catch (const std::exception& error) {
    return report(tool, error, 1);
  }
}

void print_error_line(const std::string& text) {
  std::fputs((one_line(text) + "\n").c_str(), stderr);
  std::fflush(stderr);
}

void print_lines(const std::string& text) { fmt::print("{}", printable_lines(text)); }

void print_json(const std::string& json) { fmt::print("{}\n", printable_json(json)); }

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

#include "tools/compare/subprocess.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <system_error>

#include "tensor/check.h"
#include "tensor/file.h"
#include "tools/cli/program.h"

namespace medusa::tools {

namespace {

std::atomic<pid_t> child{0};
std::atomic<bool> stop_asked{false};

void pass_on(int) {
  stop_asked = true;
  if (const pid_t pid = child.load(); pid > 0) kill(pid, SIGTERM);
}

// In the child: never returns.  Only calls that are allowed between fork() and exec().
[[noreturn]] void become(char* const* arguments, int log) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execv(arguments[0], arguments);
  const char* reason = "cannot be executed\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, reason, std::strlen(reason));
  _exit(127);
}

std::string last_line(const std::string& path) {
  std::istringstream text(read_text_file(path));
  std::string last;
  for (std::string line; std::getline(text, line);)
    if (!line.empty()) last = line;
  return last;
}

}  // namespace

bool interrupted() { return stop_asked; }

std::string run_child(const std::vector<std::string>& command, const std::string& log) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  MEDUSA_CHECK(file >= 0, "{}: cannot be written: {}", log, std::generic_category().message(errno));
  on_stop_signals(pass_on);
  const pid_t pid = fork();
  if (pid == 0) become(arguments.data(), file);
  close(file);
  MEDUSA_CHECK(pid > 0, "{}: cannot be started: {}", command.front(), std::generic_category().message(errno));
  child = pid;
  if (stop_asked) kill(pid, SIGTERM);  // it came before `child` was set
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  child = 0;
  if (WIFSIGNALED(status))
    return fmt::format("killed by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  if (WEXITSTATUS(status) == 0) return "";
  const std::string line = last_line(log);
  return line.empty() ? fmt::format("ended with status {}", WEXITSTATUS(status)) : line;
}

std::string program_beside(const std::string& name) {
  const std::filesystem::path path = std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
  MEDUSA_CHECK(std::filesystem::exists(path), "{}: there is no such program", path.string());
  return path.string();
}

}  // namespace medusa::tools

#include "tools/compare/subprocess.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <map>
#include <sstream>
#include <system_error>

#include "tensor/check.h"
#include "tensor/file.h"
#include "tools/cli/program.h"

namespace medusa::tools {

namespace {

constexpr std::size_t kMostChildren = 256;

// What the signal handler reads; 0: a free place.
std::array<std::atomic<pid_t>, kMostChildren> children{};
std::atomic<bool> stop_asked{false};
std::map<pid_t, std::string> logs;

void ask_all_to_end() {
  for (const auto& child : children)
    if (const pid_t pid = child.load(); pid > 0) kill(pid, SIGTERM);
}

void pass_on(int) {
  stop_asked = true;
  ask_all_to_end();
}

void replace(pid_t before, pid_t now) {
  for (auto& child : children)
    if (child.load() == before) {
      child = now;
      return;
    }
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

void catch_stop_signals() { on_stop_signals(pass_on); }

bool interrupted() { return stop_asked; }

int start_child(const std::vector<std::string>& command, const std::string& log) {
  MEDUSA_CHECK(logs.size() < kMostChildren, "{} programs run already", logs.size());
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  MEDUSA_CHECK(file >= 0, "{}: cannot be written: {}", log, std::generic_category().message(errno));
  const pid_t pid = fork();
  if (pid == 0) become(arguments.data(), file);
  close(file);
  MEDUSA_CHECK(pid > 0, "{}: cannot be started: {}", command.front(), std::generic_category().message(errno));
  logs[pid] = log;
  replace(0, pid);
  if (stop_asked) kill(pid, SIGTERM);  // it came before `children` was set
  return pid;
}

std::optional<EndedChild> wait_for_child(bool block) {
  int status = 0;
  pid_t pid = 0;
  do pid = waitpid(-1, &status, block ? 0 : WNOHANG);
  while (pid < 0 && errno == EINTR);
  if (pid <= 0) return {};
  replace(pid, 0);
  const std::string log = logs[pid];
  logs.erase(pid);
  if (WIFSIGNALED(status))
    return EndedChild{pid, fmt::format("killed by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)))};
  if (WEXITSTATUS(status) == 0) return EndedChild{pid, ""};
  const std::string line = last_line(log);
  return EndedChild{pid, line.empty() ? fmt::format("ended with status {}", WEXITSTATUS(status)) : line};
}

std::string run_child(const std::vector<std::string>& command, const std::string& log) {
  catch_stop_signals();
  start_child(command, log);
  return wait_for_child(/*block=*/true)->failure;
}

void end_children() {
  ask_all_to_end();
  while (!logs.empty() && wait_for_child(/*block=*/true)) {
  }
}

std::string program_beside(const std::string& name) {
  const std::filesystem::path path = std::filesystem::read_symlink("/proc/self/exe").parent_path() / name;
  MEDUSA_CHECK(std::filesystem::exists(path), "{}: there is no such program", path.string());
  return path.string();
}

}  // namespace medusa::tools

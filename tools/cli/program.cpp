// Error handling of all tools.
#include "tools/cli/program.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
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

std::int64_t number(const char* begin, const char* end) {
  std::int64_t value = 0;
  const auto [stop, error] = std::from_chars(begin, end, value);
  return error == std::errc{} && stop == end ? value : 0;
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

Size parse_size(const std::string& text, const std::string& option) {
  std::vector<std::int64_t> sides;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('x', begin), text.size());
    sides.push_back(number(text.data() + begin, text.data() + end));
    begin = end + 1;
  }
  bool good = sides.size() == 2 || sides.size() == 3;
  for (std::int64_t side : sides) good = good && side >= 1 && side <= 16384;
  MEDUSA_CHECK_INPUT(good,
                     "{} {}: expected HEIGHTxWIDTH, two whole numbers from 1 to 16384, such as 96x128 (of volumes "
                     "DEPTHxHEIGHTxWIDTH)",
                     option, text);
  return sides.size() == 2 ? Size{sides[0], sides[1]} : Size{sides[1], sides[2], sides[0]};
}

}  // namespace medusa::tools

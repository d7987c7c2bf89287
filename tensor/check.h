// Errors: one exception type for the library, one for bad user input, and the checks that throw them.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace medusa {

// A misuse of the library or a failure at run time: shapes that do not fit, a device that is absent.
// The message names the operation, what it expected and what it found.  Tools exit with status 1.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Something the user handed in is wrong: a file, an option, a checkpoint of another architecture.
// The message is one line that names the file or option and the reason.  Tools exit with status 2.
struct InputError : Error {
  using Error::Error;
};

template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...));
}

template <class... Args>
[[noreturn]] void fail_input(fmt::format_string<Args...> format, Args&&... args) {
  throw InputError(fmt::format(format, std::forward<Args>(args)...));
}

// The one of `known` that `name` was probably meant to be: the same but for upper and lower case, spaces, hyphens and
// underscores, or one slip of the hand away (two in names of eight letters or more).  "": none is near enough.
std::string similar_name(const std::string& name, const std::vector<std::string>& known);
// "; did you mean <similar_name>?", the end of a message; "" where there is none.
std::string did_you_mean(const std::string& name, const std::vector<std::string>& known);

// "a, b, c and 4 more": at most `most` names, for a message.
std::string first_names(const std::vector<std::string>& names, std::size_t most = 8);

// Throws InputError that lists the known values unless `value` is one of them; `what` names the option or setting.
inline void check_one_of(const std::string& what, const std::string& value, const std::vector<std::string>& known) {
  if (std::find(known.begin(), known.end(), value) == known.end())
    fail_input("{} {}: expected one of {}{}", what, value, fmt::join(known, ", "), did_you_mean(value, known));
}

}  // namespace medusa

// Checked in every build, Release too.  The message says what was expected and what was found:
//   MEDUSA_CHECK(x.rank() == 4, "conv2d: expects [N, H, W, C], input is {}", x);
#define MEDUSA_CHECK(condition, ...) \
  do {                               \
    if (!(condition)) [[unlikely]]   \
      ::medusa::fail(__VA_ARGS__);   \
  } while (0)

// The same for what a user handed in (exit status 2).
#define MEDUSA_CHECK_INPUT(condition, ...) \
  do {                                     \
    if (!(condition)) [[unlikely]]         \
      ::medusa::fail_input(__VA_ARGS__);   \
  } while (0)

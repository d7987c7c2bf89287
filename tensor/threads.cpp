#include "tensor/threads.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <system_error>

namespace medusa {
namespace {

// Allocates nothing: memory may be what is missing.
void say_fewer(std::size_t started, int count, int error) noexcept {
  static std::atomic<bool> said{false};
  if (said.exchange(true)) return;
  std::fprintf(stderr, "note: %zu of %d threads could be started (%s): the results are the same and take longer\n",
               started, count, std::strerror(error));
}

}  // namespace

std::vector<std::thread> start_threads(int count, const std::function<void()>& body) noexcept {
  std::vector<std::thread> threads;
  try {
    if (count > 0) threads.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) threads.emplace_back(body);
  } catch (const std::system_error& error) {
    say_fewer(threads.size(), count, error.code().value());
  } catch (const std::bad_alloc&) {
    say_fewer(threads.size(), count, ENOMEM);
  }
  return threads;
}

}  // namespace medusa

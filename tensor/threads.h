// start_threads: the one place where threads begin, for a system that may refuse them.
#pragma once

#include <functional>
#include <thread>
#include <vector>

namespace medusa {

// Up to `count` threads that run `body`; the caller joins them.  Where the system gives fewer, or no memory for them,
// the result is shorter, perhaps empty, and the first time that happens in a process a line on stderr says so.  Callers
// do their work with what they get.  Never throws; `body` must not throw either.
std::vector<std::thread> start_threads(int count, const std::function<void()>& body) noexcept;

}  // namespace medusa

#include "mtl/training/progress.h"

#include <cerrno>
#include <cmath>

#include "tensor/text.h"

namespace medusa::mtl {

namespace {

constexpr double kRedraw = 0.1, kLine = 60;  // seconds between bars, between plain lines
constexpr std::int64_t kBar = 24;

double seconds_since(std::chrono::steady_clock::time_point then) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - then).count();
}

std::string number(double value) { return std::isnan(value) ? "-" : fmt::format("{:.4f}", value); }

}  // namespace

std::string clock_text(double seconds) {
  const auto s = static_cast<std::int64_t>(std::lround(std::max(0.0, seconds)));
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  return fmt::format("{}:{:02}", s / 60, s % 60);
}

ConsoleProgress::ConsoleProgress(std::vector<Task> tasks, std::FILE* out, bool terminal)
    : tasks_(std::move(tasks)), out_(out), terminal_(terminal), last_(std::chrono::steady_clock::now()) {}

ConsoleProgress::~ConsoleProgress() { erase(); }

void ConsoleProgress::erase() {
  if (drawn_) write("\r\033[K");
  drawn_ = false;
}

std::string ConsoleProgress::losses(const std::vector<double>& values) const {
  std::string text = "loss";
  for (std::size_t t = 0; t < values.size(); ++t)
    text += fmt::format(" {} {}", printable(tasks_[t].name), number(values[t]));
  return text;
}

void ConsoleProgress::step(const StepReport& r) {
  if (seconds_since(last_) < (terminal_ ? kRedraw : kLine)) return;
  last_ = std::chrono::steady_clock::now();
  std::string bar;
  if (terminal_) {
    const std::int64_t done = r.batch * kBar / std::max<std::int64_t>(r.batches, 1);
    bar = " [" + std::string(static_cast<std::size_t>(done), '#') +
          std::string(static_cast<std::size_t>(kBar - done), '.') + "]";
  }
  const std::string text =
      fmt::format("epoch {}/{}{} {}/{}  {}  {:.1f} images/s  {} left", r.epoch, r.epochs, bar, r.batch, r.batches,
                  losses(r.losses), r.images_per_second, clock_text(r.seconds_left));
  write(terminal_ ? "\r\033[K" + text : text + "\n");
  drawn_ = terminal_;
}

void ConsoleProgress::epoch(const EpochReport& r) {
  erase();
  std::string text = fmt::format("epoch {}/{}  {}", r.epoch, r.epochs, losses(r.losses));
  if (r.val) {
    text += "  val";
    for (std::size_t t = 0; t < tasks_.size(); ++t)
      for (const std::string& metric : metric_names(tasks_[t]))
        text += fmt::format(" {} {}", printable(metric), number((*r.val)[t].metrics.at(metric)));
  }
  bool best = false;
  for (bool improved : r.improved) best = best || improved;
  const std::string waited =
      r.waited_share >= 0.01 ? fmt::format(" ({:.0f} % waiting for data)", 100 * r.waited_share) : "";
  write(fmt::format("{}  {:.1f} images/s{}  {}{}\n", text, r.images_per_second, waited, clock_text(r.seconds),
                    best ? "  best" : ""));
  last_ = std::chrono::steady_clock::now();
}

void ConsoleProgress::note(const std::string& text) {
  erase();
  write(printable(text) + "\n");
}

void ConsoleProgress::write(const std::string& text) {
  if (error_ != 0) return;
  errno = 0;
  if (std::fputs(text.c_str(), out_) < 0 || std::fflush(out_) != 0) error_ = errno != 0 ? errno : EIO;
}

}  // namespace medusa::mtl

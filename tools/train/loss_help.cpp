#include "tools/train/loss_help.h"

#include "mtl/losses.h"

namespace medusa::tools {
namespace {

mtl::Task example(const KindTraits& kind, std::int64_t channels) {
  mtl::Task task;
  task.kind = kind.kind;
  task.channels = channels;
  return task;
}

}  // namespace

std::string losses_text() {
  std::string text = "kinds of tasks, and their default losses:\n";
  for (const KindTraits& kind : task_kinds()) {
    const std::string one = mtl::loss_of(example(kind, 1)), several = mtl::loss_of(example(kind, 3));
    text += fmt::format("  {:<15} {:<20} {}\n", kind.name, several, kind.about);
    if (one != several) text += fmt::format("  {:<15} {:<20} the same with one channel\n", "", one);
  }
  text += "losses, for --loss TASK=LOSS; sums such as dice+0.5*focal are losses too:\n";
  for (const mtl::Loss& loss : mtl::losses()) {
    std::vector<std::string> kinds;
    for (const KindTraits& kind : task_kinds())
      if (loss.fits(example(kind, 1)) || loss.fits(example(kind, 3))) kinds.emplace_back(kind.name);
    text += fmt::format("  {:<15} {} ({})\n", loss.name, loss.about, fmt::join(kinds, ", "));
  }
  return text;
}

}  // namespace medusa::tools

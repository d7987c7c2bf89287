// libFuzzer entry: any text read as a training state is refused, or is a state of two tasks in one group whose text is
// read as the same again.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "mtl/training/train_state.h"
#include "tensor/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace medusa;
  try {
    const mtl::TrainState state = mtl::train_state_from_json(std::string(reinterpret_cast<const char*>(data), size));
    check(state, 2, 1, {{"w", {1, 1}}, {"first", {}}}, "input");
    if (state.epoch_losses.size() != static_cast<std::size_t>(state.epoch) || state.groups.size() != 1)
      __builtin_trap();
    const std::string text = to_json(state);
    if (to_json(mtl::train_state_from_json(text)) != text) __builtin_trap();
  } catch (const InputError&) {
  } catch (const nlohmann::json::exception&) {
  }
  return 0;
}

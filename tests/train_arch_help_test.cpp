// train --arch help: the parts of any architecture, whatever its parameters' names.
#include <doctest/doctest.h>

#include "mtl/networks/shared_model.h"
#include "tests/data_fixture.h"
#include "tools/train/arch_help.h"

using namespace medusa;
using medusa::test::contains;

namespace {

// Parameters of the network itself, before and behind its modules, and one whose name is a number.
class Bare : public mtl::SharedModel {
 public:
  explicit Bare(const mtl::ModelConfig& config)
      : SharedModel(config),
        gain_(param("gain", {4}, nn::Init::constant(1))),
        numbered_(param("7", {2, 3}, nn::Init::constant(1))) {}
  std::vector<Var> outputs(const Var& x) override {
    return branch_outputs(std::vector<std::vector<Var>>(tasks().size(), encoder_.features(x).p));
  }

 private:
  Var gain_, numbered_;
};

}  // namespace

TEST_CASE("arch help: a parameter at the top of a network is a part") {
  mtl::register_architecture(mtl::architecture<Bare>("bare", "with parameters of its own"));
  mtl::ModelConfig config;
  config.widths = {4, 6};
  config.tasks.resize(2);
  config.tasks[0].name = "12345678901234567890";  // no number of a level
  config.tasks[1].name = "a";
  config.tasks[1].kind = TaskKind::Classification;
  config.tasks[1].channels = 3;
  const std::string text = tools::architectures_text(config, {});
  const std::string bare = text.substr(text.find("\nbare: "));
  CHECK(contains(bare, "\n  gain                                    4\n"));
  CHECK(contains(bare, "\n  7                                       6\n"));
  CHECK(contains(bare, "\n  all "));
}

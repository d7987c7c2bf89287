#include "tools/train/network.h"

#include "mtl/networks/backbone.h"
#include "mtl/training/dataset_tasks.h"

namespace medusa::tools {

mtl::ModelConfig network_of(const RunOptions& o) {
  mtl::ModelConfig config;
  config.arch = o.arch;
  config.backbone = o.backbone;
  config.norm = o.norm;
  config.widths = o.widths.empty() ? mtl::default_widths(o.backbone) : o.widths;
  if (const auto own = o.arch_options.find(o.arch); own != o.arch_options.end()) config.options = own->second;
  return config;
}

mtl::ModelConfig network_config(const RunOptions& o, const datasets::Dataset& dataset,
                                std::vector<std::size_t>* target_of_task) {
  mtl::ModelConfig config = network_of(o);
  config.tasks = mtl::make_tasks(dataset, o.tasks, target_of_task);
  mtl::choose_losses(&config.tasks, o.losses, o.loss_weights);
  const Shape shape = dataset.input_shape();
  config.spatial_dims = shape.rank() - 1;
  config.in_channels = shape[-1];
  return config;
}

mtl::ModelConfig model_config(const RunOptions& o, const datasets::Dataset& dataset, const datasets::Split& split,
                              std::vector<std::size_t>* target_of_task) {
  mtl::ModelConfig config = network_config(o, dataset, target_of_task);
  for (std::size_t t = 0; t < config.tasks.size(); ++t)
    if (config.tasks[t].has_class_numbers() && !config.tasks[t].traits().pixel_level)
      config.tasks[t].class_weight =
          mtl::class_weights(o.class_weights, datasets::class_counts(dataset, split.train, (*target_of_task)[t]));
  return config;
}

}  // namespace medusa::tools

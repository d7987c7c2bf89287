// The attention of a network on one picture: the sheet, the single pictures and the figures.
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "autograd/ops.h"
#include "datasets/images/draw.h"
#include "mtl/networks/backbone.h"
#include "tools/inspect/attention_look.h"
#include "tools/inspect/inspect.h"
#include "tools/report/picture.h"
#include "tools/report/sheet.h"

namespace medusa::tools {
namespace {

using datasets::Image;

constexpr double kHeatOpacity = 0.7;

struct Extent {
  double min = std::numeric_limits<double>::infinity(), max = -min, mean = 0;
  explicit Extent(const Tensor& values) {
    for (real v : values.to_vector()) {
      min = std::min(min, static_cast<double>(v));
      max = std::max(max, static_cast<double>(v));
      mean += static_cast<double>(v) / static_cast<double>(values.numel());
    }
  }
};

std::string joined(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, " and ")); }

class AttentionSheet {
 public:
  AttentionSheet(const AttentionOptions& options, const Look& look)
      : out_(options.out), run_(options.run), look_(look), config_(look.model->config()) {}

  Json write() {
    figures_ = {{"run", run_}, {"arch", config_.arch}, {"input", look_.name}};
    std::vector<PanelRow> rows{answers()};
    for (std::size_t t = 0; t < look_.record.masks.size(); ++t)
      if (!look_.record.masks[t].empty()) rows.push_back(masks_of(t));
    add_bottleneck(&rows);
    const PanelRow heading{fmt::format("{}: what each task looks at in {}", upper(config_.arch), look_.name),
                           fmt::format("Network of the run {}, which sees the picture in {} x {} pixels.", run_,
                                       look_.size.height, look_.size.width),
                           {}};
    const std::string file = fmt::format("{}/{}_attention.png", out_, look_.name);
    datasets::write_png(file, draw_sheet(heading, rows));
    figures_["sheet"] = file;
    figures_["pictures"] = pictures_;
    if (!masks_.empty()) figures_["masks"] = masks_;
    if (!bottleneck_.empty()) figures_["bottleneck"] = bottleneck_;
    return figures_;
  }

 private:
  static std::string upper(std::string text) {
    for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
  }
  const std::string& task_name(std::size_t t) const { return config_.tasks[t].name; }
  std::string all_but(std::size_t t) const {
    std::vector<std::string> names;
    for (std::size_t o = 0; o < config_.tasks.size(); ++o)
      if (o != t) names.push_back(task_name(o));
    return joined(names);
  }

  // ---- the picture, the truth, the answers --------------------------------------------------------------------------

  Image outlined(const std::vector<Image>& regions) const {
    Image drawn = panel_sized(look_.picture);
    for (std::size_t i = 0; i < regions.size(); ++i)
      datasets::draw_mask(drawn, datasets::resize(regions[i], drawn.width, drawn.height), datasets::distinct_colour(i),
                          0.15, 2);
    return drawn;
  }

  PanelRow answers() {
    PanelRow row{"What the network is shown, and what it answers", "", {}};
    row.panels.push_back({{"the picture"}, panel_sized(look_.picture), {}, {}});
    for (std::size_t t = 0; t < config_.tasks.size(); ++t) {
      const mtl::Task& task = config_.tasks[t];
      const KindTraits& kind = task.traits();
      if (kind.pixel_level && kind.exclusive)
        add_regions(t, &row);
      else if (kind.pixel_level && kind.in_units)
        row.panels.push_back(heat_panel({task.name + ", predicted"}, channel_mean(look_.answers[t].output), {}));
      else if (kind.in_units)
        row.panels.push_back(amounts(t));
      else
        row.panels.push_back(classes(t));
    }
    return row;
  }

  void add_regions(std::size_t t, PanelRow* row) {
    const auto &truth = look_.truth[t].regions, &found = look_.predicted[t];
    if (!truth.empty()) row->panels.push_back({{task_name(t) + ", the truth"}, outlined(truth), {}, {}});
    Panel panel{{task_name(t) + ", predicted"}, outlined(found), {}, {}};
    double both = 0, sum = 0, area = 0;
    for (std::size_t i = 0; i < found.size(); ++i)
      for (std::size_t p = 0; p < found[i].pixels.size(); ++p) {
        const bool in = found[i].pixels[p] >= 128, of = !truth.empty() && truth[i].pixels[p] >= 128;
        area += in;
        both += in && of;
        sum += in + of;
      }
    const double share = area / static_cast<double>(look_.picture.width * look_.picture.height);
    panel.below.push_back(fmt::format("{:.1f} % of the picture", 100 * share));
    Json answer{{"share", share}};
    if (!truth.empty() && sum > 0) {
      answer["dice"] = 2 * both / sum;
      panel.below.push_back(fmt::format("Dice {:.2f}", 2 * both / sum));
    }
    figures_["prediction"][task_name(t)] = answer;
    row->panels.push_back(panel);
  }

  Panel amounts(std::size_t t) {
    const mtl::Task& task = config_.tasks[t];
    Panel panel{{task.name + ", predicted"}, panel_sized(look_.picture), {}, {}};
    std::size_t c = 0;
    for (double amount : look_.answers[t].numbers()) {
      figures_["prediction"][task.name][class_name(task, c)] = amount;
      panel.below.push_back(fmt::format("{} {:.4g} {}", class_name(task, c++), amount, task.unit));
    }
    return panel;
  }

  Panel classes(std::size_t t) {
    const mtl::Task& task = config_.tasks[t];
    std::vector<std::string> names, right;
    std::vector<double> values;
    std::vector<bool> marked = look_.truth[t].classes;
    for (double p : look_.answers[t].numbers()) {
      names.push_back(class_name(task, names.size()));
      values.push_back(p);
      figures_["prediction"][task.name][names.back()] = values.back();
    }
    marked.resize(values.size());
    for (std::size_t c = 0; c < names.size(); ++c)
      if (marked[c]) right.push_back(names[c]);
    Panel panel{{task.name + ", predicted"}, draw_bars(names, values, marked), {}, {}};
    if (!look_.truth[t].classes.empty())
      panel.below.push_back("the truth: " + (right.empty() ? "none" : joined(right)));
    return panel;
  }

  // ---- masks --------------------------------------------------------------------------------------------------------

  // [1, h, w, C] -> [1, h, w]
  static Tensor channel_mean(const Tensor& level) { return mean(Var(level), -1).value(); }

  // The picture in `rgb` under the values.
  Image heat(Image rgb, const Tensor& level, const ColourBar& bar) const {
    datasets::draw_heat(rgb, over_picture(look_, level, rgb.height, rgb.width), bar.low, bar.high, kHeatOpacity);
    return rgb;
  }
  Panel heat_panel(std::vector<std::string> above, const Tensor& level, std::optional<ColourBar> bar) const {
    const Extent extent(level);
    if (!bar) bar = {extent.min, extent.max};
    return {std::move(above), heat(panel_sized(look_.picture), level, *bar), bar, {}};
  }
  void write_picture(const std::string& what, const Image& image) {
    const std::string file = fmt::format("{}/{}_{}.png", out_, look_.name, what);
    datasets::write_png(file, image);
    pictures_.push_back(file);
  }

  PanelRow masks_of(std::size_t t) {
    PanelRow row{"Masks of " + task_name(t), about_masks(t), {}};
    const auto& levels = look_.record.masks[t];
    for (std::size_t j = 0; j < levels.size(); ++j) {
      const Tensor& m = levels[j];
      const Tensor shown = channel_mean(m);
      const Extent all(m), drawn(shown);
      Panel panel =
          heat_panel({fmt::format("level {}", j), fmt::format("{} x {}, {} channels", m.size(1), m.size(2), m.size(3))},
                     shown, ColourBar{drawn.min, drawn.max});
      panel.below = {fmt::format("mean {:.2f}", all.mean), fmt::format("channels {:.2f}..{:.2f}", all.min, all.max)};
      row.panels.push_back(panel);
      write_picture(fmt::format("mask_{}_{}", task_name(t), j), heat(look_.picture, shown, *panel.bar));
      masks_.push_back({{"task", task_name(t)},
                        {"level", j},
                        {"shape", {m.size(1), m.size(2), m.size(3)}},
                        {"min", all.min},
                        {"max", all.max},
                        {"mean", all.mean},
                        {"shown_min", drawn.min},
                        {"shown_max", drawn.max}});
    }
    return row;
  }

  std::string about_masks(std::size_t t) const {
    const std::string what =
        "A mask is a number from 0 (shut out) to 1 (let through) for every place and channel of the shared features; "
        "shown is its mean over the channels. ";
    if (config_.arch != "ctan") return what + fmt::format("{} sees the features through these.", task_name(t));
    return what + fmt::format("{} computes them, {} sees the features through them: that is CTAN's cross-task step.",
                              task_name(t), all_but(t));
  }

  // ---- bottleneck ---------------------------------------------------------------------------------------------------

  void add_bottleneck(std::vector<PanelRow>* rows) {
    const bool channel = look_.record.over_channels;
    PanelRow row{"Attention at the bottleneck", channel ? about_channels() : about_places(), {}};
    for (std::size_t t = 0; t < look_.record.bottleneck.size(); ++t)
      for (std::size_t o = 0; o < look_.record.bottleneck[t].size(); ++o) {
        if (o == t) continue;
        row.panels.push_back(channel ? channel_attention(t, o) : place_attention(t, o));
        if (row.panels.size() < kFewestColumns) continue;
        rows->push_back(row);
        row = {"Attention at the bottleneck, continued", "", {}};
      }
    if (!row.panels.empty()) rows->push_back(row);
    if (!channel && !bottleneck_.empty()) figures_["query"] = {look_.query.y, look_.query.x};
  }

  std::string about_places() const {
    const Shape places = bottleneck_places(look_);
    return fmt::format(
        "On the last level, {} x {} places, {}. Bright: where it takes something for the place under the cross (Y {}, "
        "X {}: {}). The weights of all "
        "places add up to 1; if they were equal, each would be 1/{} = {:.3g}.",
        places[0], places[1],
        look_.record.own_query ? "each task looks at the features of another task, and says itself what to look for"
                               : "each task looks again at its own features, and another task says what to look for",
        look_.query.y, look_.query.x, look_.query.how, places.numel(), 1.0 / static_cast<double>(places.numel()));
  }
  std::string about_channels() const {
    const std::int64_t channels = mtl::backbone_of(config_).channels.back();
    return fmt::format(
        "On the last level each task mixes {}. Row i, from the top: how much channel i takes from each channel, from "
        "the left. A row adds up to 1; if its weights were "
        "equal, each would be 1/{} = {:.3g}.",
        look_.record.own_query ? "the channels of another task, and says itself what to look for"
                               : "its own channels again, and another task says what to look for",
        channels, 1.0 / static_cast<double>(channels));
  }

  // The second line over an attention of another task with task `o`.
  std::string beside(std::size_t o) const {
    return look_.record.own_query ? "in the features of " + task_name(o) : "when " + task_name(o) + " asks";
  }

  void add_figures(std::size_t t, std::size_t o, const Tensor& a, Json more) {
    const Extent extent(a);
    Json figures{{"task", task_name(t)},
                 {"asked_by", task_name(look_.record.own_query ? t : o)},
                 {"with", task_name(o)},
                 {"axis", look_.record.over_channels ? "channel" : "spatial"},
                 {"shape", {a.size(1), a.size(2)}},
                 {"min", extent.min},
                 {"max", extent.max},
                 {"entropy_bits", mtl::entropy_bits(a)},
                 {"diagonal", mtl::diagonal_share(a)},
                 {"most_bits", std::log2(static_cast<double>(a.size(2)))}};
    figures.update(more);
    bottleneck_.push_back(figures);
  }

  Panel place_attention(std::size_t t, std::size_t o) {
    const Tensor& a = look_.record.bottleneck[t][o];
    const Shape places = bottleneck_places(look_);
    const std::int64_t query = query_place(look_);
    const Tensor row = slice(Var(a), 1, query, 1).value().reshape({1, places[0], places[1]});
    const double bits = mtl::entropy_bits(row.reshape({1, places.numel()}));
    add_figures(t, o, a, {{"query_place", query}, {"query_entropy_bits", bits}});
    Panel panel = heat_panel({"where " + task_name(t) + " looks", beside(o)}, row, {});
    panel.below = {fmt::format("spread: {:.1f} of {}", std::exp2(bits), places.numel()),
                   fmt::format("entropy {:.1f}/{:.1f} bits", bits, std::log2(static_cast<double>(places.numel())))};
    Image single = heat(look_.picture, row, *panel.bar);
    mark_query(&single);
    write_picture(fmt::format("bottleneck_{}_{}", task_name(t), task_name(o)), single);
    mark_query(&panel.picture);
    return panel;
  }
  void mark_query(Image* image) const {
    const std::int64_t size = 4 + (image->width + image->height) / 50;
    datasets::draw_cross(*image, (2 * look_.query.x + 1) * image->width / (2 * look_.picture.width),
                         (2 * look_.query.y + 1) * image->height / (2 * look_.picture.height), size);
  }

  Panel channel_attention(std::size_t t, std::size_t o) {
    const Tensor& a = look_.record.bottleneck[t][o];
    const std::int64_t channels = a.size(1);
    const Extent extent(a);
    const double bits = mtl::entropy_bits(a);
    add_figures(t, o, a, {});
    // Squares for channels; where there are more channels than pixels, a pixel is the mean of several.
    const std::int64_t side = std::max<std::int64_t>(kPanelSide / channels, 1) * channels;
    const Tensor enlarged = resize(Var(a.reshape({1, channels, channels, 1})), {side, side}, false).value();
    Image matrix(side, side, 3);
    datasets::draw_heat(matrix, enlarged.reshape({side, side}), extent.min, extent.max, 1);
    write_picture(fmt::format("bottleneck_{}_{}", task_name(t), task_name(o)), matrix);
    return {{"channels of " + task_name(look_.record.own_query ? o : t),
             "when " + task_name(look_.record.own_query ? t : o) + " asks"},
            side > kPanelSide ? panel_sized(matrix) : matrix,
            ColourBar{extent.min, extent.max},
            {fmt::format("spread: {:.1f} of {}", std::exp2(bits), channels),
             fmt::format("entropy {:.1f}/{:.1f} bits", bits, std::log2(static_cast<double>(channels)))}};
  }

  const std::string out_, run_;
  const Look& look_;
  const mtl::ModelConfig& config_;
  Json figures_, pictures_ = Json::array(), masks_ = Json::array(), bottleneck_ = Json::array();
};

}  // namespace

Json inspect_attention(const AttentionOptions& options) {
  const NoGrad no_grad;
  const Look seen = look(options);
  make_folder("--attention", options.out);
  return AttentionSheet(options, seen).write();
}

}  // namespace medusa::tools

// A sheet: rows of pictures with titles, captions and colour bars, for people who see it for the first time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "datasets/images/image.h"

namespace medusa::tools {

// The colours of datasets::heat_colour, and the values at their ends.
struct ColourBar {
  double low, high;
};

struct Panel {
  std::vector<std::string> above;  // lines; the first names the panel
  datasets::Image picture;         // fits into kPanelSide x kPanelSide
  std::optional<ColourBar> bar;    // drawn below the picture
  std::vector<std::string> below;  // lines
};

struct PanelRow {
  std::string title, about;  // `about` is wrapped at the sheet's width
  std::vector<Panel> panels;
};

inline constexpr std::int64_t kPanelSide = 288;   // pixels
inline constexpr std::size_t kFewestColumns = 4;  // a sheet is at least this wide, for its texts

// As wide as its longest row.
datasets::Image draw_sheet(const PanelRow& heading, const std::vector<PanelRow>& rows);

// The largest width and height of a panel's picture with the proportions of `picture`.
datasets::Image panel_sized(const datasets::Image& picture);

// A bar for each value of 0..1 with its name and the value; at most the twelve largest.  Names that are `marked` get
// another colour.
datasets::Image draw_bars(const std::vector<std::string>& names, const std::vector<double>& values,
                          const std::vector<bool>& marked);

}  // namespace medusa::tools

// The font, and how its dots become pixels.
#include "datasets/images/text.h"

#include "tensor/check.h"

namespace medusa::datasets {

namespace {

// The font as it looks: 16 characters beside each other, ' ' to '/', then '0' to '?', ..., 'p' to the box.
constexpr int kPerBand = 16;
// clang-format off
constexpr const char* kFont[] = {
    "        #    # #   # #    #   ##  #  ##     #      #   #                                      #",
    "        #    # #   # #   #### ##  # #  #    #     #     #     #     #                         #",
    "        #    # #  ##### # #      #  # #     #    #       #  # # #   #                        # ",
    "        #          # #   ###    #    #           #       #   ###  #####       #####         #  ",
    "        #         #####   # #  #    # # #        #       #  # # #   #                      #   ",
    "                   # #  ####  #  ## #  #          #     #     #     #    ##          ##   #    ",
    "        #          # #    #   #  ##  ## #          #   #                  #          ##   #    ",
    "                                                                         #                     ",
    " ###    #    ###   ###     #  #####   ##  #####  ###   ###                  #       #      ### ",
    "#   #  ##   #   # #   #   ##  #      #        # #   # #   #  ##    ##      #         #    #   #",
    "#  ##   #       #     #  # #  ####  #        #  #   # #   #  ##    ##     #   #####   #       #",
    "# # #   #      #    ##  #  #      # ####    #    ###   ####              #             #     # ",
    "##  #   #     #       # #####     # #   #  #    #   #     #               #   #####   #     #  ",
    "#   #   #    #    #   #    #  #   # #   #  #    #   #    #   ##    ##      #         #         ",
    " ###   ###  #####  ###     #   ###   ###   #     ###   ##    ##     #       #       #       #  ",
    "                                                                   #                           ",
    " ###   ###  ####   ###  ####  ##### #####  ###  #   #  ###    ### #   # #     #   # #   #  ### ",
    "#   # #   # #   # #   # #   # #     #     #   # #   #   #      #  #  #  #     ## ## ##  # #   #",
    "# ### #   # #   # #     #   # #     #     #     #   #   #      #  # #   #     # # # ##  # #   #",
    "# # # ##### ####  #     #   # ####  ####  # ### #####   #      #  ##    #     # # # # # # #   #",
    "# ### #   # #   # #     #   # #     #     #   # #   #   #      #  # #   #     #   # #  ## #   #",
    "#     #   # #   # #   # #   # #     #     #   # #   #   #   #  #  #  #  #     #   # #  ## #   #",
    " ###  #   # ####   ###  ####  ##### #      #### #   #  ###   ##   #   # ##### #   # #   #  ### ",
    "                                                                                               ",
    "####   ###  ####   #### ##### #   # #   # #   # #   # #   # #####  ###  #      ###    #        ",
    "#   # #   # #   # #       #   #   # #   # #   # #   # #   #     #  #    #        #   # #       ",
    "#   # #   # #   # #       #   #   # #   # #   #  # #   # #     #   #     #       #  #   #      ",
    "####  #   # ####   ###    #   #   # #   # # # #   #     #     #    #      #      #             ",
    "#     # # # # #       #   #   #   #  # #  # # #  # #    #    #     #       #     #             ",
    "#     #  #  #  #      #   #   #   #  # #  ## ## #   #   #   #      #        #    #             ",
    "#      ## # #   # ####    #    ###    #   #   # #   #   #   #####  ###      #  ###        #####",
    "                                                                                               ",
    " #          #               #         ##        #       #      #  #      ##                    ",
    "  #         #               #        #  #       #                 #       #                    ",
    "       ###  ####   ###   ####  ###   #     #### ####   ##     ##  #  #    #   ## #  ####   ### ",
    "          # #   # #   # #   # #   # ####  #   # #   #   #      #  # #     #   # # # #   # #   #",
    "       #### #   # #     #   # #####  #    #   # #   #   #      #  ##      #   # # # #   # #   #",
    "      #   # #   # #   # #   # #      #     #### #   #   #      #  # #     #   # # # #   # #   #",
    "       #### ####   ###   ####  ###   #        # #   #  ###  #  #  #  #   ###  # # # #   #  ### ",
    "                                           ###               ##                                ",
    "                         #                                           ##   #   ##          #####",
    "                         #                                          #     #     #         #   #",
    "####   #### # ##   #### ####  #   # #   # #   # #   # #   # #####   #     #     #    #    #   #",
    "#   # #   # ##  # #      #    #   # #   # #   #  # #  #   #    #   #      #      #  # # # #   #",
    "#   # #   # #      ###   #    #   # #   # # # #   #   #   #   #     #     #     #      #  #   #",
    "####   #### #         #  #  # #   #  # #  # # #  # #   ####  #      #     #     #         #   #",
    "#         # #     ####    ##   ####   #    # #  #   #     # #####    ##   #   ##          #####",
    "#         #                                            ###                                     ",
};
// clang-format on

bool dot(unsigned char character, std::int64_t column, std::int64_t row) {
  const int index = character >= 32 && character < 127 ? character - 32 : 95;
  return kFont[index / kPerBand * kCharacterHeight + row][index % kPerBand * kCharacterWidth + column] == '#';
}

}  // namespace

void draw_text(Image& rgb, std::int64_t x, std::int64_t y, const std::string& text, Colour colour, std::int64_t scale) {
  for (char character : text) {
    for (std::int64_t row = 0; row < kCharacterHeight; ++row)
      for (std::int64_t column = 0; column + 1 < kCharacterWidth; ++column)
        if (dot(static_cast<unsigned char>(character), column, row))
          fill(rgb, {x + column * scale, y + row * scale, scale, scale}, colour);
    x += kCharacterWidth * scale;
  }
}

std::string fit_text(const std::string& text, std::int64_t width, std::int64_t scale) {
  if (text_width(text, scale) <= width) return text;
  const auto fits = static_cast<std::size_t>(std::max<std::int64_t>(width / (kCharacterWidth * scale), 2));
  return text.substr(0, fits - 2) + "..";
}

}  // namespace medusa::datasets

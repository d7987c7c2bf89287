// What pictures in SVG have in common.
#pragma once

#include <string>

namespace medusa::tools {

constexpr const char* kColours[] = {"#1f77b4", "#d62728", "#2ca02c", "#9467bd",
                                    "#ff7f0e", "#17becf", "#8c564b", "#7f7f7f"};

// Text for XML and HTML, also for attributes: printable (tensor/text.h), with &lt; &gt; &amp; &quot; &#39;.
std::string escaped(const std::string& text);

// About four round numbers from `low` to `high`: the step is 1, 2 or 5 times a power of ten.
double round_step(double low, double high);

}  // namespace medusa::tools

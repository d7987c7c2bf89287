// JSON from files.
#pragma once

#include <string>
#include <string_view>

#include "tensor/text.h"

namespace medusa::nn {

// The text as JSON, a type of nlohmann's.  `where` names the file.  Throws InputError if the text is nested too deeply,
// before it is parsed, and Json::exception if it is not JSON.
template <class Json>
Json parse_json(std::string_view text, const std::string& where) {
  check_nesting(text, where);
  return Json::parse(text);
}

}  // namespace medusa::nn

// JSON from files.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "tensor/text.h"

namespace medusa::nn {

// The text as JSON, a type of nlohmann's.  `where` names the file.  Throws InputError if the text is nested too deeply,
// before it is parsed, and Json::exception if it is not JSON.
template <class Json>
Json parse_json(std::string_view text, const std::string& where) {
  check_nesting(text, where);
  return Json::parse(text);
}

// The whole number `value`, at least 0, called `what`.  1.5 must not become 1, nor 1e30 anything.  Throws
// Json::type_error if it is another thing or does not fit in an Int.
template <class Int, class Json>
Int whole_number(const Json& value, const char* what) {
  if (!value.is_number_unsigned() || !std::in_range<Int>(value.template get<std::uint64_t>()))
    throw Json::type_error::create(302, fmt::format("{} is not a whole number", what), &value);
  return value.template get<Int>();
}
// json[key] as whole_number(); Json::exception if it is missing.
template <class Int, class Json>
Int whole_number_at(const Json& json, const char* key) {
  return whole_number<Int>(json.at(key), key);
}

}  // namespace medusa::nn

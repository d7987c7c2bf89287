// JSON with a checksum: the files of a run that people read, and that nobody is meant to change.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace medusa::mtl {

using Json = nlohmann::ordered_json;

// `json`, an object, with its CRC-32 as its first field, "checksum".  It does not cover the fields `unchecked`: a
// training's times, which differ between equal runs.  `owner` counts as part of the object, and is not in it: it shows
// if a piece of one run lies in another.
Json sealed(const Json& json, const std::vector<std::string>& unchecked = {}, const std::string& owner = "");
// The object without its checksum.  Throws InputError "<where>: is damaged ..." if it does not have its checksum; one
// that has none is taken as it is (an older version wrote it) unless `required`.
Json unsealed(Json json, const std::string& where, bool required, const std::vector<std::string>& unchecked = {},
              const std::string& owner = "");

}  // namespace medusa::mtl

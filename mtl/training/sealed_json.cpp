#include "mtl/training/sealed_json.h"

#include <zlib.h>

#include <algorithm>

#include "tensor/check.h"

namespace medusa::mtl {

namespace {

constexpr const char* kChecksum = "checksum";

// The fields of `json` that are named, or those that are not.
Json part_of(const Json& json, const std::vector<std::string>& names, bool named) {
  Json part = Json::object();
  for (const auto& [name, value] : json.items())
    if ((std::find(names.begin(), names.end(), name) != names.end()) == named) part[name] = value;
  return part;
}

std::string checksum_of(const Json& json, const std::string& owner) {
  const std::string text = json.dump() + owner;
  return fmt::format("{:08x}", crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size()));
}

}  // namespace

Json sealed(const Json& json, const std::vector<std::string>& unchecked, const std::string& owner) {
  Json out{{kChecksum, checksum_of(part_of(json, unchecked, false), owner)}};
  out.update(json);
  return out;
}

Json unsealed(Json json, const std::string& where, bool required, const std::vector<std::string>& unchecked,
              const std::string& owner) {
  const Json checksum = json.is_object() ? json.value(kChecksum, Json()) : Json();
  if (checksum.is_null() && !required) return json;
  if (json.is_object()) json.erase(kChecksum);
  MEDUSA_CHECK_INPUT(json.is_object() && checksum == checksum_of(part_of(json, unchecked, false), owner),
                     "{}: is damaged or was changed: it does not have its checksum", where);
  return json;
}

}  // namespace medusa::mtl

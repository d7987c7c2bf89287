// The formats that inspect knows: how to tell them by their first bytes, and what is in a file of each.
#include "tensor/file.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <set>

#include "datasets/formats/csv.h"
#include "datasets/formats/volume_file.h"
#include "datasets/images/image.h"
#include "nn/safetensors.h"
#include "tools/inspect/inspect.h"
#include "tools/inspect/values.h"

namespace medusa::tools {
namespace {

namespace fs = std::filesystem;

using Bytes = std::vector<unsigned char>;

bool begins_with(const Bytes& head, std::string_view magic) {
  return head.size() >= magic.size() && std::memcmp(head.data(), magic.data(), magic.size()) == 0;
}
bool is_png(const Bytes& head, const fs::path&) { return begins_with(head, "\x89PNG\r\n\x1a\n"); }
bool is_jpeg(const Bytes& head, const fs::path&) { return begins_with(head, "\xff\xd8\xff"); }
bool is_safetensors(const Bytes& head, const fs::path& path) {
  return path.extension() == ".safetensors" || (head.size() > 8 && head[8] == '{' && head[7] == 0 && head[6] == 0);
}
bool is_volume(const Bytes&, const fs::path& path) { return !datasets::volume_format(path.string()).empty(); }
bool is_dicom(const Bytes& head) { return head.size() >= 132 && std::memcmp(head.data() + 128, "DICM", 4) == 0; }
bool is_csv(const Bytes&, const fs::path& path) { return path.extension() == ".csv"; }

Json describe_image(const fs::path& path, bool) {
  const datasets::Image image = datasets::read_image(path.string());
  const bool wide = !image.pixels16.empty();
  const std::size_t count = image.pixels.size(), channels = static_cast<std::size_t>(image.channels);
  Range all;
  std::vector<Range> each(channels);
  for (std::size_t i = 0; i < count; ++i) {
    const double value = wide ? image.pixels16[i] : image.pixels[i];
    all.add(value);
    each[i % channels].add(value);
  }
  Json json{{"shape", {image.height, image.width, image.channels}}, {"dtype", wide ? "uint16" : "uint8"}};
  all.describe(&json);
  for (const Range& channel : each) json["channel_mean"].push_back(channel.sum / static_cast<double>(channel.count));
  return json;
}

Json describe_safetensors(const fs::path& path, bool) {
  const nn::SafetensorsReader file(path.string());
  Json tensors = Json::array();
  std::int64_t values = 0;
  for (const auto& [name, entry] : file.entries()) {
    Range range;
    for (real value : file.values(name)) range.add(static_cast<double>(value));
    Json tensor{{"name", name}, {"type", entry.dtype}, {"shape", entry.shape}};
    range.describe(&tensor);
    tensors.push_back(tensor);
    values += entry.numel;
  }
  Json json{{"tensors", tensors.size()}, {"values", values}};
  if (!file.metadata().empty()) json["metadata"] = file.metadata();
  json["list"] = tensors;
  return json;
}

bool parse_number(const std::string& text, double* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc{} && end == text.data() + text.size();
}

Json describe_csv(const fs::path& path, bool) {
  const datasets::Table table = datasets::read_csv(path.string());
  Json columns = Json::array();
  for (std::size_t c = 0; c < table.header.size(); ++c) {
    Range range;
    std::set<std::string> distinct;
    std::size_t empty = 0, texts = 0;
    for (const auto& row : table.rows) {
      double value = 0;
      if (row[c].empty())
        ++empty;
      else if (parse_number(row[c], &value))
        range.add(value);
      else
        ++texts;
      distinct.insert(row[c]);
    }
    const bool number = texts == 0 && range.count > 0;
    Json column{{"name", table.header[c]}, {"type", number ? "number" : "text"}, {"distinct", distinct.size()}};
    if (empty > 0) column["empty"] = empty;
    if (number) range.describe(&column);
    columns.push_back(column);
  }
  return {{"shape", {table.rows.size(), table.header.size()}}, {"list", columns}};
}

struct Format {
  const char* name;
  bool (*matches)(const Bytes& head, const fs::path& path);
  Json (*describe)(const fs::path& path, bool follow_outside);
};

constexpr Format kFormats[] = {
    {"PNG", is_png, describe_image},
    {"JPEG", is_jpeg, describe_image},
    {"safetensors", is_safetensors, describe_safetensors},
    {"NIfTI, MetaImage, NRRD, npy, npz", is_volume, describe_volume},
    {"CSV", is_csv, describe_csv},
};

}  // namespace

Json describe_file(const fs::path& path, bool follow_outside) {
  const Bytes head = read_beginning(path.string(), 132);
  for (const Format& format : kFormats) {
    if (!format.matches(head, path)) continue;
    Json json{{"file", path.string()}, {"format", format.name}, {"bytes", fs::file_size(path)}};
    json.update(format.describe(path, follow_outside));
    return json;
  }
  MEDUSA_CHECK_INPUT(!is_dicom(head),
                     "{}: is DICOM; `convert dicom --in DIR --out FILE` makes arrays from a folder DIR of such files",
                     path.string());
  std::vector<std::string> names;
  for (const Format& format : kFormats) names.emplace_back(format.name);
  fail_input("{}: unknown format, expected one of {}", path.string(), fmt::join(names, ", "));
}

}  // namespace medusa::tools

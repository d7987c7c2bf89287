#include "datasets/disk_cache.h"

#include <unistd.h>
#include <zlib.h>

#include <atomic>
#include <cctype>
#include <filesystem>

#include "datasets/cases/file.h"
#include "tensor/file.h"
#include "tensor/random.h"

namespace medusa::datasets {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "medusa sample 1\n";

// What the content depends on.
std::string key_of(const std::string& recipe, const std::vector<std::string>& sources) {
  std::string key = fmt::format("{}, {} bytes a number\n", recipe, sizeof(real));
  for (const std::string& path : sources) {
    std::error_code error;
    const std::uintmax_t size = fs::file_size(file_of(path), error);
    if (error) {
      key += path + " absent\n";
      continue;
    }
    const auto changed = fs::last_write_time(file_of(path), error).time_since_epoch().count();
    key += fmt::format("{} {} {}\n", path, size, changed);
  }
  return key;
}

std::uint64_t checksum(std::string_view bytes) {
  const auto* from = reinterpret_cast<const Bytef*>(bytes.data());
  return static_cast<std::uint64_t>(::adler32_z(1, from, bytes.size())) << 32 | ::crc32_z(0, from, bytes.size());
}

// magic, length of the key, key, length of the content, its checksum, content.
std::optional<std::string> read_kept(const std::string& path, const std::string& key) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return std::nullopt;
  try {
    const std::string bytes = read_text_file(path, std::size_t{1} << 36);
    const std::size_t head = kMagic.size() + 8, middle = head + key.size(), body = middle + 16;
    std::uint64_t length = 0, size = 0, sum = 0;
    if (bytes.size() < body || bytes.compare(0, kMagic.size(), kMagic) != 0) return std::nullopt;
    std::memcpy(&length, bytes.data() + kMagic.size(), 8);
    if (length != key.size() || bytes.compare(head, key.size(), key) != 0) return std::nullopt;
    std::memcpy(&size, bytes.data() + middle, 8);
    std::memcpy(&sum, bytes.data() + middle + 8, 8);
    if (size != bytes.size() - body || sum != checksum(std::string_view(bytes).substr(body))) return std::nullopt;
    return bytes.substr(body);
  } catch (const Error&) {  // unreadable: make it again
    return std::nullopt;
  }
}

}  // namespace

std::string DiskCache::file(const std::string& id, const std::string& recipe) const {
  constexpr std::size_t kLongest = 100;
  std::string name = id.substr(0, kLongest);
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.' && c != '_' && c != '-') c = '_';
  return fmt::format("{}/{}-{:016x}.sample", folder_, name, stream_of(name == id ? recipe : recipe + '\n' + id));
}

std::string DiskCache::get(const std::string& id, const std::string& recipe, const std::vector<std::string>& sources,
                           const std::function<std::string()>& make) const {
  if (!on()) return make();
  const std::string path = file(id, recipe), key = key_of(recipe, sources);
  if (std::optional<std::string> kept = read_kept(path, key)) return std::move(*kept);
  std::string content = make();
  make_folders(folder_);
  const std::uint64_t numbers[2] = {content.size(), checksum(content)}, length = key.size();
  // Several threads and runs may make the same sample at once: each writes a file of its own, and the last one stays.
  static std::atomic<int> count{0};
  const std::string own = fmt::format("{}.{}.{}", path, ::getpid(), count++);
  write_file(own, [&](const auto& sink) {
    sink(kMagic.data(), kMagic.size());
    sink(&length, 8);
    sink(key.data(), key.size());
    sink(numbers, 16);
    sink(content.data(), content.size());
  });
  std::error_code error;
  fs::rename(own, path, error);
  if (error) {
    ::unlink(own.c_str());
    fail("{}: cannot be written: {}", path, error.message());
  }
  return content;
}

}  // namespace medusa::datasets

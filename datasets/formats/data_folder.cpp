#include "datasets/formats/data_folder.h"

#include <cstdlib>
#include <filesystem>
#include <memory>

#include "datasets/formats/header_text.h"
#include "tensor/check.h"

namespace medusa::datasets {
namespace {

// The path without links, "." and ".."; "" where there is no such file.
std::string resolved(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  return real ? std::string(real.get()) : "";
}

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

bool below(const std::string& file, const std::string& folder) {
  return !folder.empty() && file.starts_with(folder) &&
         (file.size() == folder.size() || folder.ends_with('/') || file[folder.size()] == '/');
}

}  // namespace

bool lies_in(const std::string& file, const std::string& folder) { return below(resolved(file), resolved(folder)); }

void DataFolder::check(const std::string& from, const std::string& where, const std::string& named,
                       const std::string& file) const {
  if (follow_outside) return;
  const std::string folder = path.empty() ? folder_of(from) : path, there = resolved(file);
  MEDUSA_CHECK_INPUT(there.empty() || below(there, resolved(folder)),
                     "{} names {}, which leads outside of {}; --follow-outside reads such files", where, named, folder);
}

std::string DataFolder::beside(const std::string& from, const std::string& field, const std::string& named) const {
  const std::string file = datasets::beside(from, named);
  if (const std::string own = resolved(from); own.empty() || !below(resolved(file), folder_of(own)))
    check(from, from + ": " + field, named, file);
  return file;
}

}  // namespace medusa::datasets

// Whole files, read and written so that a reader never finds half of one.  A pipe or device is never read: it may have
// no end.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace medusa {

// The bytes of a file.  Throws InputError naming the file if it is missing, not a regular file, unreadable,
// or larger than `limit` bytes.
std::vector<unsigned char> read_file(const std::string& path, std::size_t limit = std::size_t{1} << 40);
std::string read_text_file(const std::string& path, std::size_t limit = std::size_t{1} << 32);
// Its first bytes, `most` of them or all that it has.
std::vector<unsigned char> read_beginning(const std::string& path, std::size_t most);

// Creates the folder and its missing parents.  Throws Error naming the folder.
void make_folders(const std::string& path);

// What the name of a half-written file ends in, after the name that it will have.
inline constexpr const char* kTemporaryEnding = ".tmp";

// Writes to a temporary file beside `path`, syncs it, renames it, syncs the folder.  On any failure (a full disk, a
// missing folder) the temporary file is removed, an older file at `path` stays as it was, and an Error names both.
void write_file(const std::string& path, std::string_view bytes);
// The same for content made piece by piece: `produce` calls its argument as often as it likes.
void write_file(const std::string& path,
                const std::function<void(const std::function<void(const void*, std::size_t)>&)>& produce);

}  // namespace medusa

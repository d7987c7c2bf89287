// Headers made of lines of text, such as those of MetaImage and NRRD: lines and the numbers in them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace medusa::datasets {

// Without blanks (and carriage returns) at both ends.
std::string trimmed(std::string_view text);
std::string lower_case(std::string text);

// The line that begins at byte `at`, without its line break; `at` moves past it.  Throws InputError if it is longer
// than 64 KiB or has a zero byte: then the file is not text.
std::string next_line(std::span<const unsigned char> bytes, std::size_t* at, const std::string& name);

// The first 64 KiB of a file, which must contain its header; all of a shorter file.
std::vector<unsigned char> first_bytes(const std::string& path);

// The numbers in `text`, separated by blanks.  `what` begins the message: "x.mha: DimSize".  Throws InputError for
// anything that is not a number.
std::vector<double> numbers_in(std::string_view text, const std::string& what);
std::vector<std::int64_t> integers_in(std::string_view text, const std::string& what);

// "folder/x.mhd", "y.raw" -> "folder/y.raw"; an absolute name stays.
std::string beside(const std::string& path, const std::string& file);

}  // namespace medusa::datasets

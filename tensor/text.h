// Text from files, tables and command lines: safe to print, and bounded before it is parsed.
#pragma once

#include <string>
#include <string_view>

namespace medusa {

// The text with everything escaped that could move the cursor, recolour or hide: control characters (of ASCII as \n \t
// \r \x1b, beyond it as \u0085), bytes that are not UTF-8 (\xff), line and direction marks (\u202e).  All other
// characters stay, a backslash too.
std::string printable(std::string_view text);
// The same for text of several lines, which stay lines.
std::string printable_lines(std::string_view text);
// The same for JSON, which stays JSON with the same values: its own escapes, \u001b.
std::string printable_json(std::string_view json);

// Whether all of it is UTF-8.
bool is_utf8(std::string_view text);

// Where brackets of the JSON or TOML text, or dots of its keys, nest more than `most` deep: parsers recurse into each.
// npos: nowhere.
inline constexpr int kMostNesting = 32;
std::size_t too_deep(std::string_view text, int most = kMostNesting);
// Throws InputError "<where>: is nested too deeply" if there is such a place.
void check_nesting(std::string_view text, const std::string& where, int most = kMostNesting);

}  // namespace medusa

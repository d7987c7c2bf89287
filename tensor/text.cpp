#include "tensor/text.h"

#include <algorithm>
#include <cstdint>

#include "tensor/check.h"

namespace medusa {
namespace {

// A character at the beginning of `text`; not `valid`: a byte that is not UTF-8.
struct Character {
  std::uint32_t code = 0;
  std::size_t bytes = 1;
  bool valid = true;
};

Character first_of(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  const Character bad{lead, 1, false};
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return bad;
  std::uint32_t code = lead & (0x7fu >> bytes);
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return bad;
    code = code << 6 | (byte(i) & 0x3f);
  }
  constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  return code < kLeast[bytes] || surrogate || code > 0x10ffff ? bad : Character{code, bytes, true};
}

// What a terminal would obey or not show: controls, line and direction marks, what Unicode says is no character.
bool harmless(std::uint32_t c) {
  if (c < 0x7f) return c >= 0x20;
  if (c < 0xa0) return false;
  const bool mark = c == 0x61c || c == 0x200b || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
                    (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
                    (c >= 0xe0000 && c <= 0xe007f);
  return !mark && (c & 0xfffe) != 0xfffe && !(c >= 0xfdd0 && c <= 0xfdef);
}

std::string escape_of(const Character& c) {
  if (!c.valid) return fmt::format("\\x{:02x}", c.code);
  switch (c.code) {
    case '\n': return "\\n";
    case '\t': return "\\t";
    case '\r': return "\\r";
    default: return c.code < 0x80 ? fmt::format("\\x{:02x}", c.code) : fmt::format("\\u{:04x}", c.code);
  }
}

// JSON has escapes of UTF-16 alone, and none for bytes.
std::string json_escape_of(const Character& c) {
  if (!c.valid) return "\\ufffd";
  if (c.code < 0x10000) return fmt::format("\\u{:04x}", c.code);
  const std::uint32_t rest = c.code - 0x10000;
  return fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + (rest >> 10), 0xdc00 + (rest & 0x3ff));
}

template <class Escape>
std::string escaped(std::string_view text, bool lines, const Escape& escape) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character c = first_of(text);
    if (c.valid && (harmless(c.code) || (lines && c.code == '\n')))
      out += text.substr(0, c.bytes);
    else
      out += escape(c);
    text.remove_prefix(c.bytes);
  }
  return out;
}

// The end of the quoted text that begins at `at`; a text on one line ends with it.
std::size_t end_of_quote(std::string_view text, std::size_t at) {
  const char quote = text[at];
  const std::string three(3, quote);
  const bool lines = text.substr(at, 3) == three;
  for (at += lines ? 3 : 1; at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\') {
      ++at;
    } else if (lines ? text.substr(at, 3) == three : text[at] == quote || text[at] == '\n') {
      return at + (lines ? 2 : 0);
    }
  }
  return text.size();
}

}  // namespace

std::string printable(std::string_view text) { return escaped(text, false, escape_of); }
std::string printable_lines(std::string_view text) { return escaped(text, true, escape_of); }
std::string printable_json(std::string_view json) { return escaped(json, true, json_escape_of); }

bool is_utf8(std::string_view text) {
  for (Character c; !text.empty(); text.remove_prefix(c.bytes))
    if (c = first_of(text); !c.valid) return false;
  return true;
}

// One walk serves both: JSON has neither ' nor # outside of its texts, and no line ends within them.
std::size_t too_deep(std::string_view text, int most) {
  int brackets = 0, dots = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"' || c == '\'') {
      at = end_of_quote(text, at);
    } else if (c == '#') {
      at = std::min(text.find('\n', at), text.size());
      dots = 0;
    } else if (c == '[' || c == '{') {
      ++brackets;
      dots = 0;
    } else if (c == ']' || c == '}') {
      brackets = std::max(brackets - 1, 0);
      dots = 0;
    } else if (c == ',' || c == '=' || c == '\n') {
      dots = 0;
    } else if (c == '.') {
      ++dots;
    }
    if (brackets > most || dots > most) return at;
  }
  return std::string_view::npos;
}

void check_nesting(std::string_view text, const std::string& where, int most) {
  MEDUSA_CHECK_INPUT(too_deep(text, most) == std::string_view::npos, "{}: is nested too deeply: more than {} levels",
                     where, most);
}

}  // namespace medusa

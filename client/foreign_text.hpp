// Text that somebody else wrote: a close reason, an error code, a file's name, a byte of --url. It may
// hold any bytes, so it passes through here before it meets a terminal, a page or a JSON report.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace chat::load {

/// The text as a terminal may show it, always valid UTF-8. What would move the cursor, change colours
/// or turn a line round, and what is not UTF-8, stands there as `\x1b` or `\u{202e}`.
std::string visible(std::string_view text);

/// JSON as any parser takes it: a byte inside a string that is not UTF-8 becomes the text `\xff`.
std::string with_valid_utf8(std::string_view json);

/// At most 200 bytes: nobody reads more of a foreign name or reason, and it must not fill memory.
std::string shortened(std::string_view text);

} // namespace chat::load

// Text from outside: a close reason, an error code, a file name, the value of --url. Such text may contain
// any bytes, so it goes through these functions before it reaches a terminal, a page or a JSON report.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace chat::load {

/// Makes the text safe for a terminal. The result is valid UTF-8. Characters that move the cursor, change
/// colours or reverse the text direction, and bytes that are not UTF-8, appear as `\x1b` or `\u{202e}`.
std::string visible(std::string_view text);

/// Makes JSON valid for any parser: a byte in a string that is not UTF-8 becomes the text `\xff`.
std::string with_valid_utf8(std::string_view json);

/// Cuts the text to 200 bytes: more is not readable, and a server must not be able to fill the memory.
std::string shortened(std::string_view text);

} // namespace chat::load

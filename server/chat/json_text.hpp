// The text of a value inside valid JSON, as its author wrote it. A parsed value is not always what
// was written: Boost.JSON 1.81 rounds some numbers to the neighbour of the nearest double.
#pragma once

#include <string_view>

namespace chat {

/// The value of the member of this name, the last if there are several; empty when there is none.
/// `object` is the text of a JSON object that a parser has accepted, `name` has no backslash.
std::string_view member_text(std::string_view object, std::string_view name);

} // namespace chat

// Reads the members of a JSON object as text, exactly as their author wrote them, so that the server can
// pass them on. A parsed value may differ from the text (Boost.JSON 1.81 rounds some numbers to a
// neighbour of the nearest double), and parsing it only to write it again would be most of the work for
// a message.
#pragma once

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace chat {

struct json_member {
    std::string_view name; ///< which member to find
    /// The text of its value, valid as long as the object's text; empty if there is no such member.
    std::string_view text{};
    bool is_string = false;
    std::size_t size = 0; ///< the decoded size in bytes, if the value is a string
};

/// Finds the wanted members of a JSON object. If a name occurs twice, the last one counts. Finds none if the
/// text is valid JSON but not an object. Fails if the text is not valid JSON.
boost::system::error_code read_members(std::string_view json, std::span<json_member> wanted);

/// Decodes a string that read_members() has found: removes quotes and escapes.
std::string decoded(std::string_view json_string);

} // namespace chat

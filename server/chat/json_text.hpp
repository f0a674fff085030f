// Finds the members of a JSON object as the text that their author wrote, so that they can be passed
// on unchanged. A parsed value can differ from what was written (Boost.JSON 1.81 rounds some numbers
// to a neighbour of the nearest double), and building it only to write it again would be most of the
// work per message.
#pragma once

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace chat {

struct json_member {
    std::string_view name; ///< of the wanted member
    /// The text of the value, valid as long as the object's text. Empty if the member is missing.
    std::string_view text{};
    bool is_string = false;
    std::size_t size = 0; ///< if the value is a string: its decoded size in bytes
};

/// Finds the wanted members of an object. If several members have the same name, the last one counts.
/// Valid JSON that is not an object has no members. Fails if the text is not valid JSON.
boost::system::error_code read_members(std::string_view json, std::span<json_member> wanted);

/// Decodes a string that read_members has found.
std::string decoded(std::string_view json_string);

} // namespace chat

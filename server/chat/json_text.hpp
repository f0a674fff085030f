// The members of a JSON object as text, as their author wrote them: so they can be passed on. A parsed
// value is not always what was written (Boost.JSON 1.81 rounds some numbers to the neighbour of the
// nearest double), and to build it only to write it again is most of the work for a message.
#pragma once

#include <boost/system/error_code.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace chat {

struct json_member {
    std::string_view name; ///< the one that is wanted
    std::string_view
        text{}; ///< of its value, valid as long as the object's; empty when there is none
    bool is_string = false;
    std::size_t size = 0; ///< if it is a string: bytes, without quotes and escapes
};

/// Finds the wanted members of an object, each the last of its name. What is valid JSON but no object
/// has none. Fails if it is not valid JSON.
boost::system::error_code read_members(std::string_view json, std::span<json_member> wanted);

/// What a string stands for that read_members has found.
std::string decoded(std::string_view json_string);

} // namespace chat

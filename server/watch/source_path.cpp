#include "server/watch/source_path.hpp"

#include <filesystem>

namespace chat {

std::string source_path(std::string_view file) {
    constexpr std::string_view top = CHAT_SOURCE_DIR "/";
    auto path = std::filesystem::path{file}.lexically_normal().string();
    if (path.starts_with(top))
        path.erase(0, top.size());
    while (path.starts_with("../")) // compiled by a relative path, from inside a build tree
        path.erase(0, 3);
    return path;
}

std::string source_line(const std::source_location& where) {
    return source_path(where.file_name()) + ':' + std::to_string(where.line());
}

} // namespace chat

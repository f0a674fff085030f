# cmake -DOUTPUT=FILE.cpp -DFOLDER=… "-DFILES=index.html;page.js" -P embed.cmake
# Writes the files into a C++ source that defines chat::web_files().
set(type_html "text/html; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_svg "image/svg+xml")

file(WRITE "${OUTPUT}.new" "// Made by server/web/embed.cmake.
#include \"server/admin/answers.hpp\"

#include <array>

namespace chat {

std::span<const web_file> web_files() {
    using namespace std::string_view_literals;
    static constexpr std::array files = {
")
foreach(file IN LISTS FILES)
  string(REGEX REPLACE ".*\\." "" extension "${file}")
  file(READ "${FOLDER}/${file}" content)
  file(APPEND "${OUTPUT}.new"
    "        web_file{\"/${file}\", \"${type_${extension}}\", R\"embedded(" "${content}" ")embedded\"sv},\n")
endforeach()
file(APPEND "${OUTPUT}.new" "    };\n    return files;\n}\n\n} // namespace chat\n")
file(RENAME "${OUTPUT}.new" "${OUTPUT}")

#include "server/chat/json_text.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace chat {

namespace {

constexpr std::string_view blanks = " \t\r\n";

/// Takes what `text` begins with off its front: blanks, a string, any value.
class reader {
public:
    explicit reader(std::string_view text)
        : rest_{text} {}

    void skip(std::string_view any_of) {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(any_of), rest_.size()));
    }

    [[nodiscard]] bool at_end() const { return rest_.empty() || rest_.front() == '}'; }

    std::string_view take_string() {
        std::size_t end = 1;
        while (end < rest_.size() && rest_[end] != '"')
            end += rest_[end] == '\\' ? 2 : 1;
        return take(end + 1);
    }

    std::string_view take_value() {
        const auto all = rest_;
        if (rest_.starts_with('"'))
            return take_string();
        int depth = 0;
        while (!rest_.empty()) {
            const char next = rest_.front();
            const bool opens = next == '{' || next == '[';
            const bool closes = next == '}' || next == ']';
            if (depth == 0 && (closes || next == ',' || blanks.find(next) != blanks.npos))
                break;
            if (next == '"') {
                take_string();
                continue;
            }
            take(1);
            depth += opens ? 1 : closes ? -1 : 0;
            if (closes && depth == 0)
                break;
        }
        return all.substr(0, all.size() - rest_.size());
    }

private:
    std::string_view take(std::size_t size) {
        const auto taken = rest_.substr(0, size);
        rest_.remove_prefix(taken.size());
        return taken;
    }

    std::string_view rest_;
};

bool is_name(std::string_view quoted, std::string_view name) {
    if (quoted.find('\\') == std::string_view::npos)
        return quoted.substr(1, quoted.size() - 2) == name;
    const auto decoded = boost::json::parse({quoted.data(), quoted.size()});
    return decoded.as_string() == boost::json::string_view{name.data(), name.size()};
}

} // namespace

std::string_view member_text(std::string_view object, std::string_view name) {
    std::string_view found;
    reader in{object};
    in.skip(blanks);
    in.skip("{");
    for (in.skip(blanks); !in.at_end(); in.skip(blanks)) {
        const bool is_it = is_name(in.take_string(), name);
        in.skip(blanks);
        in.skip(":");
        in.skip(blanks);
        const auto value = in.take_value();
        if (is_it)
            found = value;
        in.skip(blanks);
        in.skip(",");
    }
    return found;
}

} // namespace chat

#include "server/chat/json_text.hpp"

#include <boost/json.hpp>

#include <algorithm>

namespace chat {

namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// Takes what `text` begins with off its front: blanks, a string, any value.
class reader {
public:
    explicit reader(std::string_view text)
        : rest_{text} {}

    void skip_blanks() {
        while (!rest_.empty() && is_blank(rest_.front()))
            rest_.remove_prefix(1);
    }

    /// And the blanks on both sides of it.
    void skip(char punctuation) {
        skip_blanks();
        if (rest_.starts_with(punctuation))
            rest_.remove_prefix(1);
        skip_blanks();
    }

    [[nodiscard]] bool at_end() const { return rest_.empty() || rest_.front() == '}'; }

    std::string_view take_string() {
        auto end = std::min(rest_.find('"', 1), rest_.size());
        if (rest_.substr(0, end).find('\\') != std::string_view::npos) {
            // That quote may be an escaped one.
            for (end = 1; end < rest_.size() && rest_[end] != '"';)
                end += rest_[end] == '\\' ? 2 : 1;
        }
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
            if (depth == 0 && (closes || next == ',' || is_blank(next)))
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
    const auto inside = quoted.substr(1, quoted.size() - 2);
    if (inside == name || inside.find('\\') == std::string_view::npos)
        return inside == name;
    const auto decoded = boost::json::parse({quoted.data(), quoted.size()});
    return decoded.as_string() == boost::json::string_view{name.data(), name.size()};
}

} // namespace

std::string_view member_text(std::string_view object, std::string_view name) {
    std::string_view found;
    reader in{object};
    in.skip('{');
    while (!in.at_end()) {
        const bool is_it = is_name(in.take_string(), name);
        in.skip(':');
        const auto value = in.take_value();
        if (is_it)
            found = value;
        in.skip(',');
    }
    return found;
}

} // namespace chat

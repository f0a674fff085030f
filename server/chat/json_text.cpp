#include "server/chat/json_text.hpp"

#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>

#include <algorithm>
#include <bitset>
#include <cassert>
#include <cstdint>

namespace chat {

namespace json = boost::json;
using boost::system::error_code;

namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/// Removes tokens from the front of a text that is valid JSON: blanks, a string, any value.
class reader {
public:
    explicit reader(std::string_view text)
        : rest_{text} {}

    void skip_blanks() {
        while (!rest_.empty() && is_blank(rest_.front()))
            rest_.remove_prefix(1);
    }

    /// Also skips the blanks on both sides of it.
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
            // The quote that was found may be escaped.
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

/// True if the JSON string, given with its quotes, decodes to this name.
bool is_name(std::string_view quoted, std::string_view name) {
    if (quoted.find('\\') == std::string_view::npos)
        return quoted.substr(1, quoted.size() - 2) == name;
    return decoded(quoted) == name;
}

/// The handler of Boost.JSON's parser. It keeps only the wanted members.
class member_events {
public:
    static constexpr auto max_object_size = static_cast<std::size_t>(-1);
    static constexpr auto max_array_size = max_object_size;
    static constexpr auto max_key_size = max_object_size;
    static constexpr auto max_string_size = max_object_size;

    member_events(std::string_view text, std::span<json_member> wanted)
        : text_{text}
        , wanted_{wanted} {
        assert(wanted.size() <= untold_.size());
    }

    bool on_document_begin(error_code&) { return true; }

    /// The text is now known to be valid JSON, so the values that the parser did not report as text can
    /// be searched for.
    bool on_document_end(error_code&) {
        if (untold_.any())
            look_for_untold();
        return true;
    }

    bool on_object_begin(error_code&) { return begin(); }

    bool on_object_end(std::size_t, error_code&) { return end(); }

    bool on_array_begin(error_code&) { return begin(); }

    bool on_array_end(std::size_t, error_code&) { return end(); }

    bool on_key_part(json::string_view part, std::size_t, error_code&) {
        if (depth_ == 1)
            key_.append(part.data(), part.size());
        return true;
    }

    bool on_key(json::string_view last, std::size_t, error_code&) {
        if (depth_ != 1)
            return true;
        std::string_view key{last.data(), last.size()};
        if (!key_.empty())
            key = key_.append(key);
        const auto found = std::ranges::find(wanted_, key, &json_member::name);
        member_ = found == wanted_.end() ? nullptr : &*found;
        key_.clear();
        return true;
    }

    bool on_string_part(json::string_view, std::size_t, error_code&) { return true; }

    bool on_string(json::string_view last, std::size_t size, error_code&) {
        // If the parser reports the string in one piece that points into text_, the string has no escapes.
        const auto at = address(last.data()) - address(text_.data());
        if (last.size() == size && at < text_.size())
            return value(text_.substr(at - 1, size + 2), true, size);
        return value({}, true, size);
    }

    bool on_number_part(json::string_view, error_code&) { return true; }

    bool on_int64(std::int64_t, json::string_view text, error_code&) { return number(text); }

    bool on_uint64(std::uint64_t, json::string_view text, error_code&) { return number(text); }

    bool on_double(double, json::string_view text, error_code&) { return number(text); }

    bool on_bool(bool value_is, error_code&) { return value(value_is ? "true" : "false"); }

    bool on_null(error_code&) { return value("null"); }

    bool on_comment_part(json::string_view, error_code&) { return true; }

    bool on_comment(json::string_view, error_code&) { return true; }

private:
    static std::uintptr_t address(const char* at) { return reinterpret_cast<std::uintptr_t>(at); }

    bool begin() {
        value({});
        ++depth_;
        return true;
    }

    bool end() {
        --depth_;
        return true;
    }

    bool number(json::string_view text) { return value({text.data(), text.size()}); }

    /// `text` is empty if the parser did not report the value as text.
    bool value(std::string_view text, bool is_string = false, std::size_t size = 0) {
        if (depth_ == 1 && member_ != nullptr) {
            member_->text = text;
            member_->is_string = is_string;
            member_->size = size;
            untold_[static_cast<std::size_t>(member_ - wanted_.data())] = text.empty();
            member_ = nullptr;
        }
        return true;
    }

    void look_for_untold() {
        reader in{text_};
        in.skip('{');
        while (!in.at_end()) {
            const auto name = in.take_string();
            in.skip(':');
            const auto value = in.take_value();
            in.skip(',');
            for (std::size_t i = 0; i < wanted_.size(); ++i) {
                if (untold_[i] && is_name(name, wanted_[i].name))
                    wanted_[i].text = value; // a later one replaces it
            }
        }
    }

    std::string_view text_;
    std::span<json_member> wanted_;
    std::bitset<8> untold_; // which of them still lack their text
    std::size_t depth_ = 0;
    std::string key_;               // the first parts of a key that comes in parts
    json_member* member_ = nullptr; // the wanted member whose value comes next
};

} // namespace

error_code read_members(std::string_view text, std::span<json_member> wanted) {
    json::basic_parser<member_events> parser{json::parse_options{}, text, wanted};
    error_code error;
    const auto read = parser.write_some(/*more=*/false, text.data(), text.size(), error);
    if (!error && read < text.size())
        error = json::error::extra_data;
    return error;
}

std::string decoded(std::string_view json_string) {
    if (json_string.find('\\') == std::string_view::npos)
        return std::string{json_string.substr(1, json_string.size() - 2)};
    const auto value = json::parse({json_string.data(), json_string.size()});
    return std::string{std::string_view{value.get_string()}};
}

} // namespace chat

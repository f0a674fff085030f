#include "server/http/request_head.hpp"

#include <boost/beast/core/string.hpp>

#include <algorithm>

namespace chat {

namespace {

namespace beast = boost::beast;
namespace http = beast::http;

std::string_view view(beast::string_view text) {
    return {text.data(), text.size()};
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t";
    const auto first = std::min(text.find_first_not_of(blanks), text.size());
    return text.substr(first, text.find_last_not_of(blanks) + 1 - first);
}

bool is_ours(std::string_view scheme) {
    return default_port(scheme).has_value();
}

// Takes host and target from a target in absolute form.
destination destination_of(const web_url& url) {
    destination found;
    found.host = url.address;
    found.target = url.rest.substr(0, url.rest.find('#'));
    if (!found.target.starts_with('/'))
        found.target.insert(0, "/");
    return found;
}

} // namespace

destination destination_of(const request_head& request) {
    const auto lines = request.count(http::field::host);
    if (lines == 0 && request.version() >= 11)
        return {.problem = "the request has no Host header", .host = {}, .target = {}};
    if (lines > 1)
        return {.problem = "the request has more than one Host header", .host = {}, .target = {}};
    destination found;
    if (const auto host = view(request[http::field::host]); !host.empty()) {
        found.host = parse_address(host);
        if (!found.host)
            return {.problem = "the Host must be a name or an IP address, with an optional port",
                    .host = {},
                    .target = {}};
    }
    const auto target = view(request.target());
    if (target.starts_with('/') || target == "*" || request.method() == http::verb::connect) {
        found.target = target;
        return found;
    }
    const auto url = parse_web_url(target);
    if (!url || !is_ours(url->scheme))
        return {.problem = "the target must be a path or a complete http or ws URL",
                .host = {},
                .target = {}};
    return destination_of(*url);
}

bool has_token(const request_head& request, http::field name, std::string_view token) {
    const auto [first, last] = request.equal_range(name);
    for (auto line = first; line != last; ++line) {
        // Not Beast's token_list, which stops at the first member that is more than a token.
        auto list = view(line->value());
        while (!list.empty()) {
            const auto member = list.substr(0, list.find(','));
            list.remove_prefix(std::min(member.size() + 1, list.size()));
            if (beast::iequals(trimmed(member), token))
                return true;
        }
    }
    return false;
}

} // namespace chat

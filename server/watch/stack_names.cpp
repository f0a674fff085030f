#include "server/watch/stack_names.hpp"

#include "server/watch/source_path.hpp"

#include <cxxabi.h>
#ifdef CHAT_HAS_LIBBACKTRACE
#include <backtrace.h>
#else
#include <dlfcn.h>
#endif

#include <cstdint>
#include <cstdlib>
#include <memory>

namespace chat {

namespace {

struct frame {
    std::string name;   // short; empty when unknown
    std::string source; // file:line; empty when unknown
};

std::string demangled(const char* symbol) {
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> name{
        abi::__cxa_demangle(symbol, nullptr, nullptr, &status), &std::free};
    return name ? name.get() : symbol;
}

#ifdef CHAT_HAS_LIBBACKTRACE

void ignore(void*, const char*, int) {} // what has no debug information has no source line

int add_frame(void* to, std::uintptr_t, const char* file, int line, const char* function) {
    if (function) {
        static_cast<std::vector<frame>*>(to)->push_back(
            {short_name(demangled(function)),
             file ? source_path(file) + ':' + std::to_string(line) : std::string{}});
    }
    return 0;
}

void add_symbol(void* to, std::uintptr_t, const char* symbol, std::uintptr_t, std::uintptr_t) {
    static_cast<std::vector<frame>*>(to)->push_back(
        {symbol ? short_name(demangled(symbol)) : std::string{}, {}});
}

// The calls at one return address: several, when some were inlined.
std::vector<frame> frames_at(void* address) {
    static auto* const program = backtrace_create_state(nullptr, /*threaded*/ 1, ignore, nullptr);
    const auto within_the_call = reinterpret_cast<std::uintptr_t>(address) - 1;
    std::vector<frame> found;
    backtrace_pcinfo(program, within_the_call, add_frame, ignore, &found);
    if (found.empty())
        backtrace_syminfo(program, within_the_call, add_symbol, ignore, &found);
    return found;
}

#else

std::vector<frame> frames_at(void* address) {
    Dl_info found{};
    if (::dladdr(address, &found) == 0 || !found.dli_sname)
        return {{}};
    return {{short_name(demangled(found.dli_sname)), {}}};
}

#endif

bool is_plumbing(std::string_view name) {
    return name.starts_with("boost::") || name.starts_with("std::");
}

bool is_the_loop(std::string_view name) {
    return name.ends_with("::scheduler::run") || name.ends_with("::scheduler::run_one");
}

} // namespace

std::vector<std::string> name_stack(const std::vector<void*>& addresses) {
    std::vector<std::string> lines;
    std::size_t plumbing = 0;
    const auto tell_plumbing = [&] {
        if (plumbing > 0)
            lines.push_back("... " + std::to_string(plumbing) + " of Asio and the library");
        plumbing = 0;
    };
    for (auto* const address : addresses) {
        for (const auto& [name, source] : frames_at(address)) {
            if (is_the_loop(name)) {
                tell_plumbing();
                lines.push_back("the event loop");
                return lines;
            }
            if (is_plumbing(name) && !name.ends_with("mutex::lock")) {
                ++plumbing;
                continue;
            }
            tell_plumbing();
            lines.push_back((name.empty() ? "?" : name) + (source.empty() ? "" : "  " + source));
        }
    }
    tell_plumbing();
    return lines;
}

std::string short_name(std::string_view demangled) {
    constexpr std::string_view nameless = "(anonymous namespace)::";
    std::string name;
    int depth = 0;
    for (std::size_t at = 0; at < demangled.size(); ++at) {
        if (demangled.substr(at).starts_with(nameless)) {
            at += nameless.size() - 1;
            continue;
        }
        const char c = demangled[at];
        const bool of_operator = name.ends_with("operator") || name.ends_with("operator-") ||
                                 name.ends_with("operator<") || name.ends_with("operator>");
        if (of_operator && c == '(' && demangled.substr(at).starts_with("()")) {
            name += "()";
            ++at;
        } else if (!of_operator && (c == '<' || c == '(' || c == '[')) {
            ++depth;
        } else if (!of_operator && depth > 0 && (c == '>' || c == ')' || c == ']')) {
            --depth;
        } else if (depth == 0) {
            name += c;
        }
    }
    while (name.ends_with(' '))
        name.pop_back();
    for (const std::string_view tail : {" const", " &", " &&"}) {
        if (name.ends_with(tail))
            name.erase(name.size() - tail.size());
    }
    return name.substr(name.rfind(' ') + 1);
}

} // namespace chat

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
    std::string name;   // short; empty if unknown
    std::string source; // file:line; empty if it is not in this project
};

std::string demangled(const char* symbol) {
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> name{
        abi::__cxa_demangle(symbol, nullptr, nullptr, &status), &std::free};
    return name ? name.get() : symbol;
}

#ifdef CHAT_HAS_LIBBACKTRACE

void ignore(void*, const char*, int) {} // code without debug information has no source line

// True if the file belongs to this project and explains something. parked_handler.hpp does not: it
// only passes our handlers through Asio.
bool is_shown(std::string_view path) {
    return path.starts_with("server/") && !path.ends_with("/parked_handler.hpp");
}

int add_frame(void* to, std::uintptr_t, const char* file, int line, const char* function) {
    if (!function && !file)
        return 0;
    // With -g1, clang does not name functions without inlined calls. The symbol table does.
    frame found{function ? short_name(demangled(function)) : std::string{}, {}};
    if (const auto path = source_path(file ? file : ""); is_shown(path))
        found.source = path + ':' + std::to_string(line);
    static_cast<std::vector<frame>*>(to)->push_back(std::move(found));
    return 0;
}

// With -g1, clang records bare names (`run`). The symbol table has the full names, but not those of
// inlined functions.
void name_the_outermost(void* of, std::uintptr_t, const char* symbol, std::uintptr_t,
                        std::uintptr_t) {
    if (symbol)
        static_cast<std::vector<frame>*>(of)->back().name = short_name(demangled(symbol));
}

// Returns the calls at one return address: several if some were inlined.
std::vector<frame> frames_at(void* address) {
    static auto* const program = backtrace_create_state(nullptr, /*threaded*/ 1, ignore, nullptr);
    const auto within_the_call = reinterpret_cast<std::uintptr_t>(address) - 1;
    std::vector<frame> found;
    backtrace_pcinfo(program, within_the_call, add_frame, ignore, &found);
    if (found.empty())
        found.emplace_back();
    backtrace_syminfo(program, within_the_call, name_the_outermost, ignore, &found);
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

bool is_the_loop(const frame& each) {
    return each.name.ends_with("::scheduler::run") || each.name.ends_with("::scheduler::run_one");
}

std::string line_of(const frame& each) {
    return (each.name.empty() ? "?" : each.name) + (each.source.empty() ? "" : "  " + each.source);
}

// Adds calls that are outside our source. Most are only counted. Of the innermost calls the first
// is shown, which is the system call that the thread is in, and the last, which is the one that we
// made.
void put_foreign(const std::vector<frame>& calls, bool innermost, std::vector<std::string>& lines) {
    const std::size_t shown = innermost ? 2 : 0;
    if (innermost && !calls.empty())
        lines.push_back(line_of(calls.front()));
    if (calls.size() > shown) {
        const auto hidden = calls.size() - shown;
        lines.push_back("... " + std::to_string(hidden) +
                        (hidden == 1 ? " library call" : " library calls"));
    }
    if (innermost && calls.size() > 1)
        lines.push_back(line_of(calls.back()));
}

} // namespace

std::vector<std::string> name_stack(const std::vector<void*>& addresses) {
    std::vector<std::string> lines;
    std::vector<frame> foreign;
    for (auto* const address : addresses) {
        for (auto& each : frames_at(address)) {
            const bool innermost = lines.empty() && foreign.empty();
            if (innermost && each.name.empty())
                continue; // most likely the entry of a system call
            const bool ends = is_the_loop(each);
            if (!ends && each.source.empty()) {
                foreign.push_back(std::move(each));
                continue;
            }
            put_foreign(foreign, lines.empty(), lines);
            foreign.clear();
            lines.push_back(ends ? "the event loop" : line_of(each));
            if (ends)
                return lines;
        }
    }
    put_foreign(foreign, lines.empty(), lines);
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
    for (const std::string_view qualifier : {" const", " &&", " &"}) {
        for (auto at = name.find(qualifier); at != std::string::npos; at = name.find(qualifier))
            name.erase(at, qualifier.size());
    }
    while (name.ends_with(' '))
        name.pop_back();
    return name.substr(name.rfind(' ') + 1);
}

} // namespace chat

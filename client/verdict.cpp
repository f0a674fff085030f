#include "client/verdict.hpp"

namespace chat::load {

std::string_view to_string(verdict v) {
    switch (v) {
    case verdict::alive:
        return "alive";
    case verdict::starved:
        return "starved";
    case verdict::frozen:
        return "frozen";
    case verdict::gone:
        return "gone";
    }
    return "";
}

std::optional<verdict> verdict_named(std::string_view name) {
    for (const auto each : {verdict::alive, verdict::starved, verdict::frozen, verdict::gone}) {
        if (to_string(each) == name)
            return each;
    }
    return {};
}

std::string_view to_string(newcomer n) {
    switch (n) {
    case newcomer::timed_out:
        return "timed_out";
    case newcomer::refused:
        return "refused";
    case newcomer::broken:
        return "broken";
    case newcomer::rejected:
        return "rejected";
    case newcomer::elsewhere:
        return "elsewhere";
    case newcomer::completed:
        return "completed";
    case newcomer::welcomed:
        return "welcomed";
    }
    return "";
}

verdict judge(const evidence& seen, nanoseconds timeout) {
    if (seen.clients == 0)
        return verdict::gone;
    if (seen.silent_for < timeout)
        return verdict::alive;
    return seen.pongs > 0 || seen.handshake == newcomer::completed ? verdict::starved
                                                                   : verdict::frozen;
}

exit_code exit_code_of(const run_result& result, verdict expected) {
    if (result.interrupted || result.outcome == verdict::gone)
        return could_not_run;
    if (result.outcome != expected) {
        if (result.outcome == verdict::frozen)
            return server_froze;
        return result.outcome == verdict::starved ? server_starved : server_lived;
    }
    // A frozen or starved server delivers nothing, so losses count only against a server that is alive.
    const bool flawed = !result.flawless || !result.within_limits;
    return expected == verdict::alive && flawed ? missed_limits : as_expected;
}

} // namespace chat::load

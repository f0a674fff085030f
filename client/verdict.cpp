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

verdict judge(const evidence& seen, nanoseconds timeout) {
    if (seen.clients == 0)
        return verdict::gone;
    if (seen.silent_for < timeout)
        return verdict::alive;
    const bool let_in = seen.handshake == handshake_outcome::completed ||
                        seen.handshake == handshake_outcome::rejected;
    return seen.pongs > 0 || let_in ? verdict::starved : verdict::frozen;
}

exit_code exit_code_of(const run_result& result, verdict expected) {
    if (result.interrupted || result.outcome == verdict::gone)
        return could_not_run;
    if (result.outcome != expected) {
        if (result.outcome == verdict::frozen)
            return server_froze;
        return result.outcome == verdict::starved ? server_starved : server_lived;
    }
    // A server that froze or starves has delivered nothing: only a living one can lose messages.
    const bool flawed = !result.flawless || !result.within_limits;
    return expected == verdict::alive && flawed ? missed_limits : as_expected;
}

} // namespace chat::load

// Grades twelve choices; ten must be right. Linked with exercise.cpp, solution.cpp and the wrong answers.
#include "workshop/check.hpp"
#include "workshop/08-which-lock/choices.hpp"

#include <algorithm>
#include <string>
#include <vector>

using which::choice;

namespace {

struct situation {
    const char* what;
    std::vector<choice> right;
    const char* why;
};

const std::vector<situation> situations{
    {"++n on one thread",
     {choice::nothing},
     "tasks on one thread change over at a co_await only, and there is none"},
    {"a count from eight threads",
     {choice::atomic},
     "one number, one operation: a single instruction can do that, and it must be one that threads "
     "may"
     " do at the same time"},
    {"a map on one thread",
     {choice::nothing},
     "it is as with ++n: a turn is not interrupted, however much it does"},
    {"a map, four threads",
     {choice::std_mutex, choice::strand},
     "threads do meet here, but nobody suspends while using the map, so a short lock of a thread "
     "does"},
    {"messages on one stream",
     {choice::async_mutex, choice::channel},
     "a message takes several turns, and another task's bytes would go between: the whole message "
     "must"
     " stay together across a co_await"},
    {"a cache with one fetch",
     {choice::async_mutex},
     "whoever waits for the fetch must be suspended and not block the thread that has to finish "
     "it"},
    {"a connection's state, four threads",
     {choice::strand},
     "all of its handlers belong together and nobody else comes in: let them run one after another,"
     " and no line of theirs needs a lock"},
    {"sqlite3_step on the loop",
     {choice::thread_pool},
     "the call blocks the thread, whoever holds what: no lock changes that (lesson 9)"},
    {"SQLite on the pool",
     {choice::std_mutex},
     "these threads may block, and nothing suspends while the lock is held"},
    {"wait for work",
     {choice::channel},
     "a mutex says whose turn it is, not that something has happened: the task must await the "
     "event"},
    {"a log level",
     {choice::atomic},
     "one value, set here, read there, and no other value has to fit to it"},
    {"a transaction",
     {choice::async_mutex},
     "it spans two awaits, and others must stay out: that is the one thing that only this lock can "
     "do"},
};

} // namespace

int main() {
    const auto chosen = which::decide();
    workshop::report report;
    int right = 0;
    std::string explained;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        const auto& [what, accepted, why] = situations[i];
        if (std::ranges::find(accepted, chosen[i]) != accepted.end())
            ++right;
        else
            explained += "\n  " + std::to_string(i + 1) + ". " + what + ": " + why + ".";
    }
    const auto always = [&chosen](choice one) {
        return std::ranges::count(chosen, one) == std::ssize(chosen);
    };
    if (always(choice::async_mutex))
        explained +=
            "\n  An async mutex everywhere: \"async code needs async locks\" is the wrong rule."
            " Ask whether there is a co_await inside.";
    if (always(choice::std_mutex))
        explained +=
            "\n  std::mutex everywhere: right where nobody suspends while holding it, and a"
            " freeze where somebody does.";
    if (always(choice::strand))
        explained +=
            "\n  a strand everywhere: it orders turns, and a task gives its turn away at each"
            " co_await.";
    report.require(right >= 10,
                   std::to_string(right) + " of 12 are right, 10 are needed." + explained);
    if (right >= 10 && !explained.empty())
        std::cout << "not yet:" << explained << std::endl;
    return report.verdict(std::to_string(right) + " of 12.");
}

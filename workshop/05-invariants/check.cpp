// Three evenings at the box office. Linked with exercise.cpp, solution.cpp and the wrong answers.
#include "workshop/check.hpp"
#include "workshop/05-invariants/box_office.hpp"
#include "workshop/watchdog.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
using tickets::box_office;

/// Lets the buyers come at the same time. Returns how many get a seat.
int sell(box_office& office, const std::string& show, const std::vector<std::string>& buyers) {
    std::array<bool, 8> got_one{};
    for (std::size_t i = 0; i < buyers.size(); ++i)
        workshop::spawn(office.loop, tickets::buy(office, show, buyers[i]), got_one.at(i));
    office.loop.restart();
    office.loop.run();
    return static_cast<int>(std::ranges::count(got_one, true));
}

std::string sold_of(int sold, int seats) {
    return "sold " + std::to_string(sold) + " of " + std::to_string(seats);
}

void everybody_wants_the_same_seat(asio::io_context& loop, workshop::report& report) {
    box_office office{loop, {{"Hamlet", 1}}, {}};
    const auto sold = sell(office, "Hamlet", {"Ann", "Ben", "Cid"});
    report.require(sold == 1,
                   sold_of(sold, 1) +
                       ": what a buyer reads under the lock is old news after the payment."
                       " Take the seat before you await the bank.");
    report.require(office.charged <= sold,
                   std::to_string(office.charged - sold) +
                       " buyers were charged in vain: look for a seat before"
                       " you charge, and keep it meanwhile");
    report.require(office.lock.waited == 0,
                   "others waited: the lock is held while the bank takes its time, and nobody can"
                   " even ask how many seats are left");
}

void a_card_is_refused(asio::io_context& loop, workshop::report& report) {
    box_office office{loop, {{"Faust", 2}}, {"Ben"}};
    const auto first = sell(office, "Faust", {"Ben", "Ann"});
    const auto then = sell(office, "Faust", {"Cid", "Dot"});
    report.require(first + then >= 2, "a seat is lost: Ben's card was refused, and nobody else gets"
                                      " the seat that was his");
    report.require(first + then <= 2, sold_of(first + then, 2) +
                                          " after a refused card: give one seat back, and not the"
                                          " number of seats that you saw before the payment");
}

asio::awaitable<void> cancel(box_office& office, std::string show) {
    asio::steady_timer later{office.loop, std::chrono::milliseconds{5}};
    co_await later.async_wait(asio::use_awaitable);
    auto seats = co_await office.seats.lock();
    seats->erase(show);
}

asio::awaitable<bool> is_on_sale(box_office& office, std::string show) {
    auto seats = co_await office.seats.lock();
    co_return seats->contains(show);
}

void a_show_is_cancelled(asio::io_context& loop, workshop::report& report) {
    box_office office{loop, {{"Medea", 1}}, {"Ben"}};
    workshop::spawn(loop, cancel(office, "Medea"));
    sell(office, "Medea",
         {"Ben"}); // his payment is under way when the show is cancelled, and fails
    bool on_sale = false;
    workshop::spawn(loop, is_on_sale(office, "Medea"), on_sale);
    loop.restart();
    loop.run();
    report.require(!on_sale, "a cancelled show is on sale again: operator[] makes what it does not"
                             " find. Look the show up again, with find().");
}

} // namespace

int main() {
    const workshop::watchdog patience{"a buyer waits for the lock, and nobody will release it."};
    asio::io_context loop{1};
    workshop::report report;
    everybody_wants_the_same_seat(loop, report);
    if (report.passed())
        a_card_is_refused(loop, report);
    if (report.passed())
        a_show_is_cancelled(loop, report);
    return report.verdict("One seat, one buyer, one charge, and nobody waits for another's bank.");
}

#include "server/chat/admission.hpp"

#include <doctest/doctest.h>

#include <optional>
#include <utility>
#include <vector>

using namespace chat;
using answer = admission::answer;

namespace {

const auto here = asio::ip::make_address("127.0.0.1");
const auto elsewhere = asio::ip::make_address("::1");

} // namespace

TEST_CASE("a place becomes free when its ticket is destroyed, and not before") {
    admission limiter{{.clients = 1, .clients_per_address = 0}};
    auto first = limiter.let_in(here);
    auto second = limiter.let_in(here);
    REQUIRE((first && second));
    CHECK(first->become_client() == answer::granted);
    CHECK(second->become_client() == answer::full);
    {
        const auto moved = std::move(*first);
        first.reset();
        CHECK(second->become_client() == answer::full);
    }
    CHECK(second->become_client() == answer::granted);
}

TEST_CASE("one address cannot use up the places of another") {
    admission limiter{{.clients = 10, .clients_per_address = 1}};
    auto first = limiter.let_in(here);
    auto second = limiter.let_in(here);
    auto other = limiter.let_in(elsewhere);
    REQUIRE((first && second && other));
    CHECK(first->become_client() == answer::granted);
    CHECK(second->become_client() == answer::address_full);
    CHECK(other->become_client() == answer::granted);
    first.reset();
    CHECK(second->become_client() == answer::granted);
}

TEST_CASE(
    "an address may have 64 more connections than clients, and other addresses are still let in") {
    admission limiter{{.clients = 10, .clients_per_address = 1}};
    std::vector<std::optional<admission::ticket>> asking;
    for (int i = 0; i < 65; ++i) {
        asking.push_back(limiter.let_in(here));
        REQUIRE(asking.back());
    }
    CHECK_FALSE(limiter.let_in(here));
    CHECK(limiter.let_in(elsewhere));
    asking.pop_back();
    CHECK(limiter.let_in(here));
}

TEST_CASE("without a limit per address, an address may have any number of connections") {
    admission limiter{{.clients = 1, .clients_per_address = 0}};
    std::vector<std::optional<admission::ticket>> asking;
    for (int i = 0; i < 1000; ++i)
        asking.push_back(limiter.let_in(here));
    CHECK(asking.back());
}

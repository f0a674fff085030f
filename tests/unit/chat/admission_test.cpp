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

TEST_CASE("a place is free again when its ticket is gone, and not before") {
    admission door{{.clients = 1, .clients_per_address = 0}};
    auto first = door.let_in(here);
    auto second = door.let_in(here);
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

TEST_CASE("one address cannot take the places of another") {
    admission door{{.clients = 10, .clients_per_address = 1}};
    auto first = door.let_in(here);
    auto second = door.let_in(here);
    auto other = door.let_in(elsewhere);
    REQUIRE((first && second && other));
    CHECK(first->become_client() == answer::granted);
    CHECK(second->become_client() == answer::address_full);
    CHECK(other->become_client() == answer::granted);
    first.reset();
    CHECK(second->become_client() == answer::granted);
}

TEST_CASE(
    "one address may have 64 connections more than clients, and others come in all the same") {
    admission door{{.clients = 10, .clients_per_address = 1}};
    std::vector<std::optional<admission::ticket>> asking;
    for (int i = 0; i < 65; ++i) {
        asking.push_back(door.let_in(here));
        REQUIRE(asking.back());
    }
    CHECK_FALSE(door.let_in(here));
    CHECK(door.let_in(elsewhere));
    asking.pop_back();
    CHECK(door.let_in(here));
}

TEST_CASE("without a limit for an address it may have any number of connections") {
    admission door{{.clients = 1, .clients_per_address = 0}};
    std::vector<std::optional<admission::ticket>> asking;
    for (int i = 0; i < 1000; ++i)
        asking.push_back(door.let_in(here));
    CHECK(asking.back());
}

// Reads that overlap with writes, on two threads and on one.
#include <doctest/doctest.h>

#include "server/sync/sequence_lock.hpp"

#include <atomic>
#include <cstdint>
#include <string_view>
#include <thread>
#include <utility>

namespace {

using chat::relaxed;
using chat::sequence_lock;

struct with_complement {
    std::uint64_t number;
    std::uint64_t complement;
};

} // namespace

TEST_CASE("a reader never sees half of a write") {
    sequence_lock lock;
    relaxed<with_complement> value;
    relaxed<std::uint64_t> beside;
    value.store({0, ~std::uint64_t{0}});
    std::atomic<bool> done{false};
    std::uint64_t rounds = 0;
    std::thread reader{[&] {
        std::uint64_t last = 0;
        for (; !done || rounds == 0; ++rounds) {
            const auto [seen, its_double] =
                lock.read([&] { return std::pair{value.load(), beside.load()}; });
            CHECK(seen.complement == ~seen.number);
            CHECK(its_double == 2 * seen.number);
            CHECK(seen.number >= last);
            last = seen.number;
        }
    }};
    for (std::uint64_t number = 1; number <= 200'000; ++number) {
        const sequence_lock::writing writing{lock};
        value.store({number, ~number});
        beside.store(2 * number);
    }
    done = true;
    reader.join();
    CHECK(rounds > 0);
}

TEST_CASE("a reader that overlaps with a write reads again") {
    sequence_lock lock;
    relaxed<int> value;
    int reads = 0;
    const auto seen = lock.read([&] {
        if (++reads == 1) {
            const sequence_lock::writing writing{lock};
            value.store(7);
        }
        return value.load();
    });
    CHECK(seen == 7);
    CHECK(reads == 2);
}

TEST_CASE("a value of any size is loaded as it was stored") {
    relaxed<char> small;
    small.store('x');
    CHECK(small.load() == 'x');

    struct odd {
        char bytes[11];
    };

    relaxed<odd> large;
    large.store({"0123456789"});
    CHECK(std::string_view{large.load().bytes} == "0123456789");
}

// Decides which connections and clients are let in. Limits the number of clients, in total and per
// address, and the number of connections per address, because some connections are still in the
// handshake. Loop thread only.
#pragma once

#include <boost/asio/ip/address.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

namespace chat {

namespace asio = boost::asio;

class admission {
    struct counts {
        std::size_t connections = 0;
        std::size_t clients = 0; // of these connections
    };

    using addresses = std::map<asio::ip::address, counts>;

public:
    struct limits {
        std::size_t clients = 10'000;
        std::size_t clients_per_address = 0; ///< 0: no limit
    };

    explicit admission(limits most)
        : most_{most} {}

    admission(const admission&) = delete;
    admission& operator=(const admission&) = delete;

    enum class answer : std::uint8_t { granted, full, address_full };

    /// Counts one connection, and its client, as long as the ticket lives. Must not outlive the
    /// admission.
    class [[nodiscard]] ticket {
    public:
        ticket(ticket&& other) noexcept
            : from_{std::exchange(other.from_, nullptr)}
            , of_{other.of_}
            , is_client_{other.is_client_} {}

        ticket& operator=(ticket&&) = delete;
        ~ticket();

        /// Asks to join the chat. Call it at most once.
        [[nodiscard]] answer become_client();

    private:
        friend admission;

        ticket(admission& from, addresses::iterator of) noexcept
            : from_{&from}
            , of_{of} {}

        admission* from_;
        addresses::iterator of_;
        bool is_client_ = false;
    };

    /// Returns nothing if this address has too many connections.
    [[nodiscard]] std::optional<ticket> let_in(const asio::ip::address& from);

private:
    limits most_;
    std::size_t clients_ = 0;
    addresses addresses_; // only those with a connection
};

} // namespace chat

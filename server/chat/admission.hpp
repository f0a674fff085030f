// Who may come in: how many clients there may be, in all and of one address, and how many connections
// of one address, since some of them are only asking. Loop thread only.
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
        std::size_t clients_per_address = 0; ///< 0: any
    };

    explicit admission(limits most)
        : most_{most} {}

    admission(const admission&) = delete;
    admission& operator=(const admission&) = delete;

    enum class answer : std::uint8_t { granted, full, address_full };

    /// One connection, counted as long as this lives, and its client with it. Must not outlive the
    /// admission.
    class [[nodiscard]] ticket {
    public:
        ticket(ticket&& other) noexcept
            : from_{std::exchange(other.from_, nullptr)}
            , of_{other.of_}
            , is_client_{other.is_client_} {}

        ticket& operator=(ticket&&) = delete;
        ~ticket();

        /// Asks for a place in the chat, at most once.
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

    /// Nothing when this address has too many connections.
    [[nodiscard]] std::optional<ticket> let_in(const asio::ip::address& from);

private:
    limits most_;
    std::size_t clients_ = 0;
    addresses addresses_; // that have a connection
};

} // namespace chat

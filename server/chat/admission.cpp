#include "server/chat/admission.hpp"

namespace chat {

std::optional<admission::ticket> admission::let_in(const asio::ip::address& from) {
    // Few enough that one address leaves room for others. Enough that refused clients, which stay for
    // a moment, are told why.
    constexpr std::size_t most_handshakes = 64;
    const auto of = addresses_.try_emplace(from).first;
    if (most_.clients_per_address > 0 &&
        of->second.connections >= most_.clients_per_address + most_handshakes)
        return std::nullopt;
    ++of->second.connections;
    return ticket{*this, of};
}

admission::answer admission::ticket::become_client() {
    const auto& most = from_->most_;
    if (from_->clients_ >= most.clients)
        return answer::full;
    if (most.clients_per_address > 0 && of_->second.clients >= most.clients_per_address)
        return answer::address_full;
    ++from_->clients_;
    ++of_->second.clients;
    is_client_ = true;
    return answer::granted;
}

admission::ticket::~ticket() {
    if (from_ == nullptr)
        return;
    if (is_client_) {
        --from_->clients_;
        --of_->second.clients;
    }
    if (--of_->second.connections == 0)
        from_->addresses_.erase(of_);
}

} // namespace chat

// Stores the completion handler of an asynchronous operation until the operation is done. Asio's
// own type for this is any_completion_handler, but in Boost 1.81 its constructor recurses
// endlessly. Loop thread only.
#pragma once

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/post.hpp>

#include <array>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace chat {

template <class... Args>
class parked_handler {
public:
    parked_handler() = default;

    template <class Handler>
        requires(!std::is_same_v<std::remove_cvref_t<Handler>, parked_handler>)
    parked_handler(Handler&& handler) // NOLINT(*-explicit-*): converts like std::function
        : how_{&operations_of<std::decay_t<Handler>>} {
        operations_of<std::decay_t<Handler>>.park(storage_, std::forward<Handler>(handler));
    }

    parked_handler(parked_handler&& other) noexcept { take(other); }

    parked_handler& operator=(parked_handler&& other) noexcept {
        if (this != &other) {
            drop();
            take(other);
        }
        return *this;
    }

    ~parked_handler() { drop(); }

    explicit operator bool() const { return how_ != nullptr; }

    /// Prefetches the memory behind the first pointer in the handler: for a coroutine, its frame.
    void prefetch() const { __builtin_prefetch(storage_.front()); }

    /// Runs the handler inside this call. The storage is already empty when the handler runs.
    void operator()(Args... args) && { std::exchange(how_, nullptr)->run(storage_, args...); }

    /// Posts the handler to the executor.
    template <class Executor>
    void post(const Executor& executor, Args... args) && {
        // Does not call the operator above, because that call would appear in every stall report.
        boost::asio::post(executor, [kept = std::move(*this), args...]() mutable {
            std::exchange(kept.how_, nullptr)->run(kept.storage_, args...);
        });
    }

private:
    // Large enough for a coroutine's handler, which is one pointer. Parking such a handler needs no
    // allocation, and waking it does not read memory that has left the cache.
    struct storage {
        alignas(void*) std::array<std::byte, 2 * sizeof(void*)> bytes{};

        [[nodiscard]] const void* front() const {
            const void* first = nullptr;
            std::memcpy(&first, bytes.data(), sizeof first);
            return first;
        }
    };

    template <class Handler>
    static constexpr bool fits =
        sizeof(Handler) <= sizeof(storage) && alignof(Handler) <= alignof(storage) &&
        std::is_nothrow_move_constructible_v<Handler>;

    struct operations {
        void (*run)(storage&, Args...);
        void (*move)(storage& from, storage& to) noexcept;
        void (*drop)(storage&) noexcept;
    };

    // Keeps the handler in the storage itself.
    template <class Handler>
    struct here : operations {
        constexpr here()
            : operations{run, move, drop} {}

        static void park(storage& to, Handler handler) {
            new (to.bytes.data()) Handler{std::move(handler)};
        }

        static Handler take(storage& from) noexcept {
            auto& kept = *std::launder(reinterpret_cast<Handler*>(from.bytes.data()));
            Handler taken{std::move(kept)};
            std::destroy_at(&kept);
            return taken;
        }

        static void run(storage& from, Args... args) {
            auto taken = take(from);
            std::move(taken)(args...);
        }

        static void move(storage& from, storage& to) noexcept {
            new (to.bytes.data()) Handler{take(from)};
        }

        static void drop(storage& from) noexcept { take(from); }
    };

    // Keeps the handler in memory from its associated allocator. The storage holds a pointer to it.
    template <class Handler>
    struct elsewhere : operations {
        using allocator = typename std::allocator_traits<
            boost::asio::associated_allocator_t<Handler>>::template rebind_alloc<Handler>;

        constexpr elsewhere()
            : operations{run, move, drop} {}

        static void park(storage& to, Handler handler) {
            allocator memory{boost::asio::get_associated_allocator(handler)};
            auto* const kept = memory.allocate(1);
            std::construct_at(kept, std::move(handler));
            new (to.bytes.data()) Handler* {kept};
        }

        static Handler*& pointer(storage& at) {
            return *std::launder(reinterpret_cast<Handler**>(at.bytes.data()));
        }

        static Handler take(storage& from) {
            auto* const kept = pointer(from);
            Handler taken{std::move(*kept)};
            allocator memory{boost::asio::get_associated_allocator(taken)};
            std::destroy_at(kept);
            memory.deallocate(kept, 1);
            return taken;
        }

        static void run(storage& from, Args... args) {
            auto taken = take(from);
            std::move(taken)(args...);
        }

        static void move(storage& from, storage& to) noexcept {
            new (to.bytes.data()) Handler* {pointer(from)};
        }

        static void drop(storage& from) noexcept { take(from); }
    };

    template <class Handler>
    static constexpr std::conditional_t<fits<Handler>, here<Handler>, elsewhere<Handler>>
        operations_of{};

    void take(parked_handler& other) noexcept {
        how_ = std::exchange(other.how_, nullptr);
        if (how_ != nullptr)
            how_->move(other.storage_, storage_);
    }

    void drop() noexcept {
        if (const auto* how = std::exchange(how_, nullptr))
            how->drop(storage_);
    }

    const operations* how_ = nullptr;
    storage storage_;
};

} // namespace chat

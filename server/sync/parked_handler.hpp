// A completion handler put aside until its operation is done: what an asynchronous operation of
// ours keeps between its start and its end. (asio::any_completion_handler is the library's name for
// it; the one of Boost 1.81 recurses in its constructor.) Loop thread only.
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
    parked_handler(Handler&& handler) // NOLINT(*-explicit-*): a handler is what it stands for
        : how_{&operations_of<std::decay_t<Handler>>} {
        operations_of<std::decay_t<Handler>>.park(place_, std::forward<Handler>(handler));
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

    /// Brings to the cache what the handler points to first: for a coroutine, its frame.
    void prefetch() const { __builtin_prefetch(place_.front()); }

    /// Runs the handler inside this call. It has left its place before it runs.
    void operator()(Args... args) && { std::exchange(how_, nullptr)->run(place_, args...); }

    /// Lets the executor run the handler later, in the order of posting.
    template <class Executor>
    void post(const Executor& executor, Args... args) && {
        // Not by the operator above: a report of a freeze shows these calls, the fewer the better.
        boost::asio::post(executor, [kept = std::move(*this), args...]() mutable {
            std::exchange(kept.how_, nullptr)->run(kept.place_, args...);
        });
    }

private:
    // Room for a coroutine's handler, which is one pointer: to park it costs no allocation, and to
    // wake it no way through memory that has left the cache.
    struct place {
        alignas(void*) std::array<std::byte, 2 * sizeof(void*)> bytes{};

        [[nodiscard]] const void* front() const {
            const void* first = nullptr;
            std::memcpy(&first, bytes.data(), sizeof first);
            return first;
        }
    };

    template <class Handler>
    static constexpr bool fits =
        sizeof(Handler) <= sizeof(place) && alignof(Handler) <= alignof(place) &&
        std::is_nothrow_move_constructible_v<Handler>;

    struct operations {
        void (*run)(place&, Args...);
        void (*move)(place& from, place& to) noexcept;
        void (*drop)(place&) noexcept;
    };

    // In the place itself.
    template <class Handler>
    struct here : operations {
        constexpr here()
            : operations{run, move, drop} {}

        static void park(place& to, Handler handler) {
            new (to.bytes.data()) Handler{std::move(handler)};
        }

        static Handler take(place& from) noexcept {
            auto& kept = *std::launder(reinterpret_cast<Handler*>(from.bytes.data()));
            Handler taken{std::move(kept)};
            std::destroy_at(&kept);
            return taken;
        }

        static void run(place& from, Args... args) {
            auto taken = take(from);
            std::move(taken)(args...);
        }

        static void move(place& from, place& to) noexcept {
            new (to.bytes.data()) Handler{take(from)};
        }

        static void drop(place& from) noexcept { take(from); }
    };

    // In memory of the handler's own associated allocator; the place holds a pointer to it.
    template <class Handler>
    struct elsewhere : operations {
        using allocator = typename std::allocator_traits<
            boost::asio::associated_allocator_t<Handler>>::template rebind_alloc<Handler>;

        constexpr elsewhere()
            : operations{run, move, drop} {}

        static void park(place& to, Handler handler) {
            allocator memory{boost::asio::get_associated_allocator(handler)};
            auto* const kept = memory.allocate(1);
            std::construct_at(kept, std::move(handler));
            new (to.bytes.data()) Handler* {kept};
        }

        static Handler*& pointer(place& at) {
            return *std::launder(reinterpret_cast<Handler**>(at.bytes.data()));
        }

        static Handler take(place& from) {
            auto* const kept = pointer(from);
            Handler taken{std::move(*kept)};
            allocator memory{boost::asio::get_associated_allocator(taken)};
            std::destroy_at(kept);
            memory.deallocate(kept, 1);
            return taken;
        }

        static void run(place& from, Args... args) {
            auto taken = take(from);
            std::move(taken)(args...);
        }

        static void move(place& from, place& to) noexcept {
            new (to.bytes.data()) Handler* {pointer(from)};
        }

        static void drop(place& from) noexcept { take(from); }
    };

    template <class Handler>
    static constexpr std::conditional_t<fits<Handler>, here<Handler>, elsewhere<Handler>>
        operations_of{};

    void take(parked_handler& other) noexcept {
        how_ = std::exchange(other.how_, nullptr);
        if (how_ != nullptr)
            how_->move(other.place_, place_);
    }

    void drop() noexcept {
        if (const auto* how = std::exchange(how_, nullptr))
            how->drop(place_);
    }

    const operations* how_ = nullptr;
    place place_;
};

} // namespace chat

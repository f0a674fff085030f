// A completion handler put aside until its operation is done: what an asynchronous operation of
// ours keeps between its start and its end. (asio::any_completion_handler is the library's name for
// it; the one of Boost 1.81 recurses in its constructor.) Loop thread only.
#pragma once

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace chat {

template <class... Args>
class parked_handler {
public:
    parked_handler() = default;

    /// Keeps the handler in memory of its own associated allocator (for a coroutine: a recycled
    /// block).
    template <class Handler>
        requires(!std::is_same_v<std::remove_cvref_t<Handler>, parked_handler>)
    parked_handler(Handler&& handler) // NOLINT(*-explicit-*): a handler is what it stands for
        : kept_{model<std::decay_t<Handler>>::make(std::forward<Handler>(handler))} {}

    explicit operator bool() const { return kept_ != nullptr; }

    /// Runs the handler inside this call. Its memory is free before it runs.
    void operator()(Args... args) && { kept_.release()->run(args...); }

    /// Lets the executor run the handler later, in the order of posting.
    template <class Executor>
    void post(const Executor& executor, Args... args) && {
        boost::asio::post(executor, [kept = std::move(kept_), args...]() mutable {
            kept.release()->run(args...);
        });
    }

private:
    struct base {
        virtual void run(Args... args) = 0;
        virtual void destroy() = 0;

    protected:
        ~base() = default;
    };

    struct destroyer {
        void operator()(base* kept) const { kept->destroy(); }
    };

    template <class Handler>
    struct model final : base {
        using allocator = typename std::allocator_traits<
            boost::asio::associated_allocator_t<Handler>>::template rebind_alloc<model>;

        explicit model(Handler&& from)
            : handler{std::move(from)} {}

        static base* make(Handler handler) {
            allocator memory{boost::asio::get_associated_allocator(handler)};
            auto* place = memory.allocate(1);
            return std::construct_at(place, std::move(handler));
        }

        Handler take() {
            Handler taken{std::move(handler)};
            allocator memory{boost::asio::get_associated_allocator(taken)};
            std::destroy_at(this);
            memory.deallocate(this, 1);
            return taken;
        }

        void run(Args... args) override {
            auto taken = take();
            std::move(taken)(args...);
        }

        void destroy() override { take(); }

        Handler handler;
    };

    std::unique_ptr<base, destroyer> kept_;
};

} // namespace chat

// For data that one thread at a time writes while others may read it. The writer never waits. A
// reader waits at most as long as a write takes. The version is odd during a write. A reader that
// sees it odd, or changed, reads again. Therefore the data must be atomics, with relaxed access.
//
// After Hans-J. Boehm, "Can Seqlocks Get Along With Programming Language Memory Models?" (MSPC
// 2012).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

namespace chat {

class sequence_lock {
public:
    /// The thread that created it may write as long as it exists. Another lock must ensure that
    /// writers do not overlap.
    class writing {
    public:
        explicit writing(sequence_lock& lock) noexcept
            : version_{lock.version_} {
            version_.store(version_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
            std::atomic_thread_fence(std::memory_order_release);
        }

        ~writing() {
            version_.store(version_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
        }

        writing(const writing&) = delete;
        writing& operator=(const writing&) = delete;

    private:
        std::atomic<std::uint64_t>& version_;
    };

    /// Returns the result of copy(). Repeats the call until no writer interfered.
    template <class Copy>
    auto read(Copy copy) const {
        for (;;) {
            const auto before = version_.load(std::memory_order_acquire);
            auto copied = copy();
            std::atomic_thread_fence(std::memory_order_acquire);
            if (before % 2 == 0 && version_.load(std::memory_order_relaxed) == before)
                return copied;
        }
    }

private:
    std::atomic<std::uint64_t> version_{0};
};

/// A plain value, kept in the atomics that a sequence lock needs. All bits are zero at first.
template <class T>
    requires std::is_trivially_copyable_v<T>
class relaxed {
public:
    void store(const T& value) noexcept {
        std::array<word, size> plain;
        std::memcpy(plain.data(), &value, sizeof value);
        for (std::size_t i = 0; i < size; ++i)
            words_[i].store(plain[i], std::memory_order_relaxed);
    }

    [[nodiscard]] T load() const noexcept {
        std::array<word, size> plain;
        for (std::size_t i = 0; i < size; ++i)
            plain[i] = words_[i].load(std::memory_order_relaxed);
        T value;
        std::memcpy(static_cast<void*>(&value), plain.data(), sizeof value);
        return value;
    }

private:
    using word = std::conditional_t<sizeof(T) % 8 == 0, std::uint64_t, unsigned char>;
    static constexpr std::size_t size = sizeof(T) / sizeof(word);

    std::array<std::atomic<word>, size> words_{};
};

} // namespace chat

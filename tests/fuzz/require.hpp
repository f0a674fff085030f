// Ends the process if a check of a fuzz target fails, because libFuzzer then keeps the input.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace chat::fuzz {

inline void require(bool holds, const char* what) {
    if (holds)
        return;
    std::fprintf(stderr, "NOT TRUE: %s\n", what);
    std::abort();
}

} // namespace chat::fuzz

// What a fuzz target checks: libFuzzer keeps the input that ends the process.
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

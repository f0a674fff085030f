// doctest and main(), compiled once: in each test they would be most of what there is to compile.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

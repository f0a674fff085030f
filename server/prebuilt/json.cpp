// Boost.JSON, compiled once: Debian's boost1.81 headers come without its library.
#include <boost/json/src.hpp>

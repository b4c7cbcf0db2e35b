// The one place that compiles what BOOST_ASIO_SEPARATE_COMPILATION and BOOST_BEAST_SEPARATE_COMPILATION leave
// out.
#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>

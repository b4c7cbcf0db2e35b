#include "base/http_date.hpp"

#include <gtest/gtest.h>

namespace agenthost::base {
namespace {

TEST(HttpDate, IsReadOrNot)
{
    EXPECT_EQ(parse_http_date("Fri, 20 Nov 2026 17:44:00 GMT"), 1795196640000);
    EXPECT_EQ(parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
    for (const char* bad :
         {"", "Fri, 20 Nov 2026 17:44:00", "Fri, 20 Nov 2026 17:44:00 GMT+1", "20 Nov 2026",
          "Fri, 20 Xxx 2026 17:44:00 GMT", "Fri, 20 ovD 2026 17:44:00 GMT", "Fri, 99 Nov 2026 17:44:00 GMT",
          "Fri, 20 Nov 2026 25:44:00 GMT", "Fri, 31 Feb 2026 17:44:00 GMT", "Fri, 20 Nov 2026 17:-1:00 GMT",
          "Fri, 20 Nov 2026 17:44:+1 GMT"})
        EXPECT_FALSE(parse_http_date(bad)) << bad;
}

TEST(HttpDate, IsWritten)
{
    EXPECT_EQ(http_date(0), "Thu, 01 Jan 1970 00:00:00 GMT");
    EXPECT_EQ(http_date(784'111'777'999), "Sun, 06 Nov 1994 08:49:37 GMT") << "RFC 9110's, never ahead";
}

} // namespace
} // namespace agenthost::base

#include "host/dispatch/token_bucket.hpp"

#include <gtest/gtest.h>

using namespace agenthost::host;
using namespace std::chrono_literals;

namespace {

TEST(TokenBucket, AdmitsASecondsWorthAtOnceAndThenTheRate)
{
    TokenBucket bucket;
    TokenBucket::Time now{1h};
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(bucket.take(10, now));
    EXPECT_FALSE(bucket.take(10, now));
    now += 100ms;
    EXPECT_TRUE(bucket.take(10, now));
    EXPECT_FALSE(bucket.take(10, now));
    now += 1h;
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(bucket.take(10, now));
    EXPECT_FALSE(bucket.take(10, now)) << "an hour saves up no more than a second's worth";
    EXPECT_TRUE(bucket.take(0, now)) << "0 is unlimited";
}

TEST(TokenBucket, AdmitsLessThanOneASecond)
{
    TokenBucket bucket;
    TokenBucket::Time now{1h};
    EXPECT_TRUE(bucket.take(0.5, now));
    EXPECT_FALSE(bucket.take(0.5, now + 1s));
    EXPECT_TRUE(bucket.take(0.5, now + 3s));
}

} // namespace

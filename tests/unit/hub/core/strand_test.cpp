#include "plugins/hub/core/strand.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using agenthost::hub::Strand;
using ::testing::ElementsAre;

TEST(StrandTest, RunsEffectsInOrderAfterTheLockIsReleased)
{
    std::vector<int> done;
    Strand strand{[](const std::exception&) {}};
    strand.run([&] {
        strand.post([&] {
            done.push_back(1);
            // Would deadlock under the lock.
            strand.run([&] { strand.post([&] { done.push_back(3); }); });
            done.push_back(2);
        });
    });
    EXPECT_THAT(done, ElementsAre(1, 2, 3));
}

TEST(StrandTest, ReportsEffectsThatThrowAndRunsTheOthers)
{
    std::vector<std::string> done;
    Strand strand{[&](const std::exception& e) { done.push_back(std::string{"failed "} + e.what()); }};
    strand.run([&] {
        strand.post([] { throw std::runtime_error{"full"}; });
        strand.post([] { throw 7; });
        strand.post([&] { done.push_back("sent"); });
    });
    EXPECT_THAT(done, ElementsAre("failed full", "failed unknown exception", "sent"));
}

TEST(StrandTest, GoesOnWhenTheReportThrowsAsWell)
{
    int done = 0;
    Strand strand{[](const std::exception&) { throw std::runtime_error{"the log is full"}; }};
    EXPECT_NO_THROW(strand.run([&] {
        strand.post([] { throw std::runtime_error{"full"}; });
        strand.post([] { throw 7; });
        strand.post([&] { ++done; });
    }));
    EXPECT_EQ(done, 1);
    strand.run([&] { strand.post([&] { ++done; }); });
    EXPECT_EQ(done, 2) << "the strand has not stopped";
}

TEST(StrandTest, GoesOnAfterWorkThatThrows)
{
    int done = 0;
    Strand strand{[](const std::exception&) {}};
    EXPECT_THROW(strand.run([&] {
        strand.post([&] { ++done; });
        throw std::runtime_error{"full"};
    }),
                 std::runtime_error);
    std::thread{[&] { strand.run([&] { strand.post([&] { ++done; }); }); }}.join();
    EXPECT_EQ(done, 2) << "what was posted before the exception, and the next effect";
}

} // namespace

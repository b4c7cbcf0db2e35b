// The log when nobody reads it.
#include "host/observe/log.hpp"
#include "kit/fd.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <thread>

using namespace agenthost;

namespace {

std::string tail_from(std::uint64_t& position)
{
    std::uint64_t lost = 0;
    return host::log::read_tail(host::log::Level::warn, "", position, 32768, lost);
}

TEST(Log, NeverWaitsForItsReaderAndSaysWhatWasLost)
{
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const kit::Fd read_end{ends[0]}, before{::dup(STDERR_FILENO)};
    kit::Fd write_end{ends[1]};
    ASSERT_EQ(::dup2(write_end.get(), STDERR_FILENO), STDERR_FILENO);
    ASSERT_TRUE(host::log::init("info", "text"));
    std::uint64_t position = UINT64_MAX;
    tail_from(position);
    for (int i = 0; i < 5000; ++i) // far more than a pipe and the queue hold
        host::log::info("flood", std::string(200, 'x'));
    EXPECT_GT(host::log::lost(), 3000u);
    host::log::say_losses();
    EXPECT_NE(tail_from(position).find("log lines were lost"), std::string::npos);
    std::thread reader{[&] {
        std::array<char, 65536> some{};
        while (::read(read_end.get(), some.data(), some.size()) > 0) {}
    }};
    host::log::shutdown(); // writes what waits
    ::dup2(before.get(), STDERR_FILENO);
    write_end.reset();
    reader.join();
}

} // namespace

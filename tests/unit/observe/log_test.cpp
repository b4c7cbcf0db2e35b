// The log when nobody reads it.
#include "base/fd.hpp"
#include "host/observe/log.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>
#include <thread>

using namespace agenthost;

namespace {

std::string tail_from(std::uint64_t& position)
{
    std::uint64_t lost = 0;
    return host::log::read_tail(host::log::Level::warn, "", position, 32768, lost);
}

TEST(Log, NeverWaitsForItsReaderAndReportsLosses)
{
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const base::Fd read_end{ends[0]}, before{::dup(STDERR_FILENO)};
    base::Fd write_end{ends[1]};
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

TEST(Log, EndsWithoutAReaderAndCountsLosses)
{
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    const base::Fd read_end{ends[0]}, before{::dup(STDERR_FILENO)};
    base::Fd write_end{ends[1]};
    ASSERT_EQ(::dup2(write_end.get(), STDERR_FILENO), STDERR_FILENO);
    ASSERT_TRUE(host::log::init("info", "text"));
    const auto lost_before = host::log::lost();
    constexpr int lines = 1000;
    for (int i = 0; i < lines; ++i) host::log::info("flood", std::string(200, 'x'));
    const auto began = std::chrono::steady_clock::now();
    host::log::shutdown();
    const auto took = std::chrono::steady_clock::now() - began;
    host::log::info("late", "a plugin's stray thread is not held up either");
    ::dup2(before.get(), STDERR_FILENO);
    write_end.reset();
    std::string written;
    std::array<char, 65536> some{};
    for (ssize_t n = 0; (n = ::read(read_end.get(), some.data(), some.size())) > 0;)
        written.append(some.data(), static_cast<std::size_t>(n));
    EXPECT_LT(took, std::chrono::seconds{30}) << "it waited for the reader"; // 2 s, and a loaded machine
    std::size_t whole = 0;
    for (std::size_t at = 0; (at = written.find("xx\n", at)) != written.npos; at += 3) ++whole;
    EXPECT_GT(whole, 100u);
    // All that was not written is counted: what found the queue full, what waited, the one being written, "N
    // lines were lost", "late".
    EXPECT_EQ(host::log::lost() - lost_before, lines - whole + 2);
}

} // namespace

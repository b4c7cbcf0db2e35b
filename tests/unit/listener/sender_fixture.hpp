// The two ends of a socket on one loop: a sender of an answer at one, the test at the other.
#pragma once

#include "base/fd.hpp"
#include "host/listener/sender.hpp"

#include "tests/support/support.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace agenthost::test {

class SenderTest : public testing::Test, protected host::listener::AnswerOwner {
protected:
    SenderTest()
    {
        int pair[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        stream.emplace(io.get_executor(), pair[0]);
        peer.reset(pair[1]);
    }
    ~SenderTest() override { disk.end(); }

    host::listener::ConnectionContext context() { return {*stream, io, disk, life}; }
    base::Fd file(std::string_view content)
    {
        write_file(dir / "f", content);
        return base::Fd{::open((dir / "f").c_str(), O_RDONLY | O_CLOEXEC)};
    }
    // Runs the loop and reads what arrives, until the condition holds.
    bool until(const std::function<bool()>& condition)
    {
        return wait_for([&] {
            io.restart();
            io.poll();
            char bytes[65'536];
            for (ssize_t n = 0; (n = ::recv(peer.get(), bytes, sizeof bytes, 0)) > 0;)
                received.append(bytes, static_cast<std::size_t>(n));
            return condition();
        });
    }
    bool until_over()
    {
        return until([&] { return sent + failed != 0; });
    }
    // The loop only: the peer reads nothing.
    void run_loop()
    {
        for (int i = 0; i < 100; ++i) {
            io.restart();
            io.poll();
        }
    }

    bool still_wanted() override { return wanted; }
    void answer_moved() override { ++moved; }
    void pieces_taken(std::size_t bytes) override { taken += bytes; }
    void answer_sent() override { ++sent; }
    void answer_failed() override { ++failed; }

    boost::asio::io_context io{1};
    host::listener::DiskPool disk;
    std::shared_ptr<int> life = std::make_shared<int>();
    std::optional<host::net::Stream> stream;
    base::Fd peer;
    TempDir dir;
    std::string received;
    bool wanted = true;
    int moved = 0, sent = 0, failed = 0;
    std::size_t taken = 0;
};

} // namespace agenthost::test

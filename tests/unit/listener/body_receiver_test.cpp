// A body's way from a socket to a file or into memory, without a listener.
#include "host/listener/body_receiver.hpp"

#include "base/fd.hpp"

#include "tests/support/support.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace agenthost::test {
namespace {

using namespace host::listener;

class BodyReceiverTest : public testing::Test, protected BodyReceiver::Owner {
protected:
    BodyReceiverTest()
    {
        int pair[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        stream.emplace(io.get_executor(), pair[0]);
        peer.reset(pair[1]);
    }
    ~BodyReceiverTest() override { disk.end(); }
    void receive(const BodyReceiver::Plan& plan)
    {
        BodyReceiver::Owner& owner = *this;
        body = std::make_shared<BodyReceiver>(ConnectionContext{*stream, io, disk, life}, plan, owner);
        body->start(false);
    }
    void send(std::string_view bytes)
    {
        ASSERT_EQ(::send(peer.get(), bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    }
    // The loop, until the body has ended.
    void run()
    {
        EXPECT_TRUE(wait_for([&] {
            io.restart();
            io.poll();
            return ended.has_value();
        }));
    }
    void wait_for_body() override
    {
        stream->wait_readable([this](host::net::error_code ec) {
            if (!ec && body) body->readable();
        });
    }
    bool still_wanted() override { return true; }
    bool body_landed(std::uint64_t bytes) override
    {
        landed = bytes;
        return bytes < enough;
    }
    void body_ended(ReceivedBody b) override
    {
        ended = std::move(b);
        body.reset();
    }

    boost::asio::io_context io{1};
    host::listener::DiskPool disk;
    std::shared_ptr<int> life = std::make_shared<int>();
    std::optional<host::net::Stream> stream;
    base::Fd peer;
    std::shared_ptr<BodyReceiver> body;
    std::optional<ReceivedBody> ended;
    std::uint64_t landed = 0, enough = UINT64_MAX;
    TempDir dir;
};

TEST_F(BodyReceiverTest, KeepsASmallBodyInMemoryAndItsDigest)
{
    receive({.fd = -1, .offset = 0, .max = 100, .length = 11});
    EXPECT_FALSE(ended);
    send("hello");
    io.poll();
    EXPECT_EQ(body->got(), 5U);
    send(" worldGET /next");
    run();
    EXPECT_EQ(ended->status, AGH_OK);
    EXPECT_TRUE(ended->whole);
    EXPECT_EQ(ended->memory, "hello world");
    EXPECT_EQ(ended->digest, base::sha256("hello world"));
    host::net::error_code ec;
    EXPECT_EQ(stream->peek(ec), "GET /next") << "what follows stays in the stream";
}

TEST_F(BodyReceiverTest, WritesAChunkedBodyAtItsOffset)
{
    const base::Fd file{::open((dir / "f").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    receive({.fd = file.get(), .offset = 3, .max = 100, .length = {}});
    send("5\r\nhello\r\n0\r\n\r\n");
    run();
    EXPECT_EQ(ended->status, AGH_OK);
    EXPECT_EQ(ended->got, 5U);
    EXPECT_EQ(read_file(dir / "f").substr(3), "hello");
}

TEST_F(BodyReceiverTest, ReportsWhyItEnded)
{
    receive({.fd = -1, .offset = 0, .max = 4, .length = {}});
    send("5\r\nhello\r\n");
    run();
    EXPECT_EQ(ended->status, AGH_E_INVALID);
    EXPECT_FALSE(ended->malformed);
    EXPECT_FALSE(ended->whole);
}

TEST_F(BodyReceiverTest, DistinguishesAMalformedBodyFromALargeOne)
{
    receive({.fd = -1, .offset = 0, .max = 100, .length = {}});
    send("no number\r\n");
    run();
    EXPECT_EQ(ended->status, AGH_E_INVALID);
    EXPECT_TRUE(ended->malformed);
}

TEST_F(BodyReceiverTest, EndsWhenThePeerLeaves)
{
    receive({.fd = -1, .offset = 0, .max = 100, .length = 10});
    send("hello");
    peer.reset();
    run();
    EXPECT_EQ(ended->status, AGH_E_CLOSED);
    EXPECT_EQ(ended->got, 5U);
}

TEST_F(BodyReceiverTest, ReportsAFullDiskAfterTheWholeBody)
{
    const base::Fd file{::open("/dev/full", O_RDWR | O_CLOEXEC)};
    receive({.fd = file.get(), .offset = 0, .max = 100, .length = 5});
    send("hello");
    run();
    EXPECT_EQ(ended->status, AGH_E_INTERNAL);
    EXPECT_TRUE(ended->whole);
}

TEST_F(BodyReceiverTest, EndsWhenNoMoreIsWanted)
{
    enough = 1;
    const base::Fd file{::open((dir / "f").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    receive({.fd = file.get(), .offset = 0, .max = 1 << 20, .length = 1 << 20});
    send(std::string(100'000, 'x'));
    run();
    EXPECT_EQ(ended->status, AGH_E_INTERNAL);
    EXPECT_GT(landed, 0U);
    EXPECT_FALSE(ended->whole);
}

} // namespace
} // namespace agenthost::test

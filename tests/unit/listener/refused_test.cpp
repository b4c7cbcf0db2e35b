// Peers that keep sending after a refusal: what is taken of it is bounded in bytes, time and number.
#include "base/fd.hpp"
#include "fixture.hpp"
#include "host/listener/farewell.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace agenthost::test {
namespace {

using namespace std::chrono_literals;
using host::listener::Farewells;

struct Pair {
    Pair()
    {
        int fds[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        ours = fds[0];
        peer.reset(fds[1]);
        const int size = 4 << 20;
        ::setsockopt(peer.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    }
    // As much as the socket takes.
    std::size_t fill() const
    {
        const std::string block(16 * 1024, 'x');
        std::size_t sent = 0;
        for (ssize_t n = 0; (n = ::send(peer.get(), block.data(), block.size(), MSG_NOSIGNAL)) > 0;)
            sent += static_cast<std::size_t>(n);
        return sent;
    }
    int ours = -1;
    base::Fd peer;
};

int unread(int fd)
{
    int n = 0;
    ::ioctl(fd, FIONREAD, &n);
    return n;
}

class RefusedSocketsTest : public testing::Test {
protected:
    boost::asio::io_context io{1};
    std::shared_ptr<Farewells> farewells = std::make_shared<Farewells>(io);
    ~RefusedSocketsTest() override { farewells->end(); }

    void run_until(const std::function<bool()>& done)
    {
        EXPECT_TRUE(wait_for([&] {
            io.restart();
            io.poll();
            return done();
        }));
    }
};

TEST_F(RefusedSocketsTest, ReadsAPeerInTurnsAndNotBeyondTheBound)
{
    Pair pair;
    const base::Fd look{::fcntl(pair.ours, F_DUPFD_CLOEXEC, 0)};
    const auto sent = static_cast<int>(pair.fill());
    ASSERT_GT(sent, static_cast<int>(2 * Farewells::max_bytes));
    farewells->take(pair.ours);
    EXPECT_LE(sent - unread(look.get()), 16 * 1024) << "one turn of the loop";
    run_until([&] { return sent - unread(look.get()) >= static_cast<int>(Farewells::max_bytes); });
    io.restart();
    while (io.poll() != 0) io.restart();
    EXPECT_EQ(sent - unread(look.get()), static_cast<int>(Farewells::max_bytes));
    run_until([&] { return farewells->size() == 0; }); // by the clock, though it neither read nor left
}

TEST_F(RefusedSocketsTest, ForgetsAPeerThatLeavesAtOnce)
{
    Pair pair;
    farewells->take(pair.ours);
    EXPECT_EQ(farewells->size(), 1u);
    pair.peer.reset();
    run_until([&] { return farewells->size() == 0; });
}

TEST_F(RefusedSocketsTest, ClosesEverySocketAtTheEnd)
{
    const Pair pair;
    farewells->take(pair.ours);
    ASSERT_EQ(farewells->size(), 1u);
    farewells->end();
    EXPECT_EQ(::send(pair.peer.get(), "x", 1, MSG_NOSIGNAL), -1) << "nobody reads any more";
}

TEST_F(RefusedSocketsTest, ClosesSocketsBeyondTheMaximumAtOnce)
{
    std::vector<Pair> pairs(Farewells::max_sockets + 1);
    for (auto& pair : pairs) farewells->take(pair.ours);
    EXPECT_EQ(farewells->size(), Farewells::max_sockets);
    char byte = 0;
    EXPECT_EQ(::send(pairs.front().peer.get(), "x", 1, MSG_NOSIGNAL), 1);
    EXPECT_EQ(::send(pairs.back().peer.get(), "x", 1, MSG_NOSIGNAL), -1); // nobody is there
    EXPECT_EQ(::recv(pairs.back().peer.get(), &byte, 1, 0), 0);
}

class RefusedClientsTest : public ListenerTest {};

// Two senders that never stop, and never read: a client that is in is served, and both senders are cut off.
TEST_F(RefusedClientsTest, ClientsThatNeverStopSendingDelayNoOthers)
{
    auto c = config();
    c.connections = 1;
    const int p = start(c);
    Script& script = new_script();
    http(script, "/");
    Raw client{p};
    ASSERT_EQ(ask(client, get("/")).status, 200);
    std::vector<std::thread> senders;
    std::atomic<int> ended{0};
    for (int i = 0; i < 2; ++i) {
        senders.emplace_back([&] {
            Raw raw{p};
            const std::string block(1 << 20, 'x');
            while (raw.send(block)) {}
            ++ended;
        });
    }
    EXPECT_TRUE(wait_for([&] {
        EXPECT_EQ(ask(client, get("/")).status, 200);
        return ended == 2;
    }));
    for (auto& sender : senders) sender.join();
    EXPECT_EQ(status().refused, 2u);
}

TEST_F(RefusedClientsTest, DoesNotReadEmptyLinesBeforeARequestForEver)
{
    const int p = start();
    Script& script = new_script();
    http(script, "/");
    Raw polite{p};
    EXPECT_EQ(ask(polite, "\r\n\r\n" + get("/")).status, 200);
    EXPECT_EQ(ask(polite, "\r\n" + get("/")).status, 200); // counted for each request
    Raw raw{p};
    std::string lines;
    for (int i = 0; i < 100; ++i) lines += "\r\n";
    EXPECT_EQ(ask(raw, lines).status, 400);
}

// More in one stream than the cork holds, and more than one turn of the loop sends.
TEST_F(RefusedClientsTest, ALargeStreamedPieceArrivesWhole)
{
    const int p = start();
    Script& script = new_script();
    std::string piece(5 << 20, 'a');
    for (std::size_t i = 0; i < piece.size(); i += 997) piece[i] = static_cast<char>('a' + i % 26);
    script.request = [&](agh_conn conn, const json&) {
        EXPECT_EQ(listeners->answer_begin(conn, 200, {}), AGH_OK);
        EXPECT_EQ(listeners->answer_chunk(conn, piece), AGH_OK);
        EXPECT_EQ(listeners->answer_end(conn), AGH_OK);
    };
    http(script, "/stream");
    Script& plain = new_script();
    plain.request = [&](agh_conn conn, const json&) { EXPECT_TRUE(answer(conn, 200, piece)); };
    http(plain, "/plain");
    Raw raw{p};
    EXPECT_TRUE(ask(raw, get("/stream")).body == piece);
    EXPECT_TRUE(ask(raw, get("/plain")).body == piece);
}

} // namespace
} // namespace agenthost::test

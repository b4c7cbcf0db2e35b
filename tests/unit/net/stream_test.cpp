#include "pair.hpp"

#include "base/hash.hpp"

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include <random>

#include <sys/ioctl.h>
#include <sys/socket.h>

namespace agenthost::test {
namespace {

namespace asio = boost::asio;
using host::net::error_code;
using host::net::Stream;

class Streams : public testing::TestWithParam<bool> {
protected:
    Pair pair{GetParam()};
    Stream& a = *pair.a;
    Stream& b = *pair.b;

    bool until(const std::function<bool()>& condition) { return run_until(pair.io, condition); }

    // Everything that comes on b, until EOF or an error.
    struct Sink {
        explicit Sink(Stream& stream, std::size_t piece) : stream{stream}, buffer(piece, '\0') { next(); }
        void next()
        {
            stream.async_read_some(asio::buffer(buffer), [this](error_code e, std::size_t n) {
                ++reads;
                got.append(buffer, 0, n);
                ec = e;
                if (!e) next();
            });
        }
        Stream& stream;
        std::string buffer, got;
        error_code ec;
        int reads = 0;
    };
};

INSTANTIATE_TEST_SUITE_P(PlainAndTls, Streams, testing::Bool(),
                         [](const auto& info) { return info.param ? "Tls" : "Plain"; });

TEST_P(Streams, CarriesBytesBothWaysWhole)
{
    const std::string up = random_bytes(3'000'000, 1), down = random_bytes(2'000'000, 2);
    Sink at_a{a, 1000}, at_b{b, 70'000};
    int written = 0;
    asio::async_write(a, asio::buffer(up), [&](error_code ec, std::size_t) {
        EXPECT_FALSE(ec);
        ++written;
    });
    asio::async_write(b, asio::buffer(down), [&](error_code ec, std::size_t) {
        EXPECT_FALSE(ec);
        ++written;
    });
    ASSERT_TRUE(until(
        [&] { return at_b.got.size() == up.size() && at_a.got.size() == down.size() && written == 2; }));
    EXPECT_TRUE(at_b.got == up);
    EXPECT_TRUE(at_a.got == down);
}

TEST_P(Streams, NeverCompletesInsideTheCallThatStartedIt)
{
    bool inside = true, wrote = false, read = false;
    a.async_write_some(asio::buffer("x", 1), [&](error_code, std::size_t n) {
        EXPECT_FALSE(inside);
        EXPECT_EQ(n, 1u);
        wrote = true;
    });
    inside = false;
    ASSERT_TRUE(until([&] { return wrote; }));
    a.flush();
    a.flush();
    char c = 0;
    ASSERT_TRUE(until([&] {
        error_code ec;
        return b.read_now(&c, 0, ec) == 0 && (b.wait_readable([](error_code) {}), true);
    }));
    inside = true;
    b.async_read_some(asio::buffer(&c, 1), [&](error_code ec, std::size_t n) {
        EXPECT_FALSE(inside);
        EXPECT_FALSE(ec);
        EXPECT_EQ(n, 1u);
        read = true;
    });
    inside = false;
    ASSERT_TRUE(until([&] { return read; }));
    EXPECT_EQ(c, 'x');
}

TEST_P(Streams, SendsWhatIsCorkedWithOneSystemCallBeforeTheNextReadWaits)
{
    const auto before = a.bytes_out();
    for (int i = 0; i < 50; ++i) {
        a.async_write_some(asio::buffer("hello", 5), [](error_code, std::size_t) {});
    }
    EXPECT_EQ(a.unsent(), 250u);
    EXPECT_EQ(a.bytes_out(), before); // nothing left yet
    char answer[8];
    a.async_read_some(asio::buffer(answer), [](error_code, std::size_t) {});
    EXPECT_EQ(a.unsent(), 0u); // the read would wait, so the cork went first
    Sink sink{b, 4096};
    ASSERT_TRUE(until([&] { return sink.got.size() == 250; }));
    EXPECT_EQ(sink.reads, 1);
}

TEST_P(Streams, SendsACorkedWriteThoughNobodyReadsOrFlushes)
{
    Sink sink{b, 100};
    a.async_write_some(asio::buffer("alone", 5), [](error_code, std::size_t) {});
    ASSERT_TRUE(until([&] { return sink.got == "alone"; }));
}

TEST_P(Streams, ServesManyFramesFromOneReceive)
{
    const std::string many(10'000, 'f');
    a.async_write_some(asio::buffer(many), [](error_code, std::size_t) {});
    a.flush();
    char frame[100];
    int served = 0;
    std::function<void()> next = [&] {
        b.async_read_some(asio::buffer(frame), [&](error_code ec, std::size_t n) {
            ASSERT_FALSE(ec);
            ASSERT_EQ(n, 100u);
            ++served;
            if (served == 1) {
                EXPECT_EQ(b.buffered(), 9'900u);
            }
            if (served < 100) next();
        });
    };
    next();
    ASSERT_TRUE(until([&] { return served == 100; }));
    EXPECT_EQ(b.buffered(), 0u);
}

TEST_P(Streams, HoldsAWriterBackAtTheBoundAndGoesOnWhenTheReaderDoes)
{
    const std::string piece(10'000, 'p');
    std::size_t taken = 0;
    bool stopped = false;
    std::function<void()> next = [&] {
        a.async_write_some(asio::buffer(piece), [&](error_code ec, std::size_t n) {
            ASSERT_FALSE(ec);
            taken += n;
            if (!stopped) next();
        });
    };
    next();
    std::size_t before = 1;
    ASSERT_TRUE(until([&] { // nobody reads: it comes to rest
        for (int i = 0; i < 1000; ++i) pair.io.poll_one();
        return std::exchange(before, taken) == taken;
    }));
    EXPECT_LE(a.unsent(), Stream::max_corked);
    EXPECT_GT(a.unsent(), Stream::max_corked / 2);
    EXPECT_LT(taken, Stream::max_corked + 2'000'000); // the kernel's share beside ours
    stopped = true;
    const std::size_t held = taken;
    Sink sink{b, 50'000};
    ASSERT_TRUE(until([&] { return taken > held && sink.got.size() == taken && a.unsent() == 0; }));
}

TEST_P(Streams, RefusesAWholePieceThatDoesNotFitAndTakesNothingOfIt)
{
    const std::string piece(100'000, 'w');
    std::size_t taken = 0;
    while (a.write(piece)) taken += piece.size();
    const auto waiting = a.unsent();
    EXPECT_FALSE(a.write(piece));
    EXPECT_EQ(a.unsent(), waiting);
    Sink sink{b, 50'000};
    ASSERT_TRUE(until([&] { return sink.got.size() == taken; }));
    EXPECT_TRUE(a.write(piece));
    EXPECT_FALSE(a.error());
}

// What Beast says between frames that go past it (a pong, a close) is never cut in two by one of them.
TEST_P(Streams, TakesASmallPieceWholeOrNotAtAll)
{
    const host::net::MaskKey no_mask{}, mask{1, 2, 3, 4};
    const std::string frame(10'000, 'f'), filler(90, 'i'), control(120, 'c');
    std::size_t taken = 0;
    while (a.write_frame("", frame, &no_mask)) taken += frame.size();
    EXPECT_FALSE(a.error());
    while (a.write_frame("", filler, &no_mask)) taken += filler.size(); // now there is space for a part of it
    std::size_t written = 0;
    a.async_write_some(asio::buffer(control), [&](error_code ec, std::size_t n) {
        EXPECT_FALSE(ec);
        written = n;
    });
    for (int i = 0; i < 100; ++i) pair.io.poll_one();
    const bool waited = written == 0;
    Sink sink{b, 50'000};
    ASSERT_TRUE(until([&] { return written > 0; }));
    EXPECT_TRUE(waited);
    EXPECT_EQ(written, control.size());
    EXPECT_TRUE(a.write_frame("head", "body", &mask));
    ASSERT_TRUE(until([&] { return sink.got.size() == taken + control.size() + 8; }));
    EXPECT_EQ(sink.got.find_first_not_of("fi"), taken);
    EXPECT_EQ(sink.got.substr(taken), control + "headcmg}");
}

TEST_P(Streams, SendsFramesOfEverySizeInOrderToAPeerThatReadsSlowly)
{
    std::mt19937 random{7};
    std::string sent;
    Sink sink{b, 9'000};
    pair.io.restart(); // the handshake may have left it without work
    for (int i = 0; i < 2'000; ++i) {
        const std::string head(2 + random() % 8, static_cast<char>('A' + i % 26));
        const std::string payload =
            random_bytes(random() % 4 == 0 ? random() % 40'000 : random() % 300, random());
        while (!a.write_frame(head, payload, nullptr)) ASSERT_GE(pair.io.run_one(), 1U);
        sent += head + payload;
        if (random() % 8 == 0) pair.io.poll_one();
    }
    ASSERT_TRUE(until([&] { return sink.got.size() >= sent.size(); }));
    EXPECT_TRUE(sink.got == sent);
    EXPECT_EQ(a.unsent(), 0U);
    EXPECT_FALSE(a.error());
}

TEST_P(Streams, SendsABigFrameWithoutWaitingForTheLoop)
{
    if (GetParam()) return; // TLS collects whole records
    EXPECT_TRUE(a.write_frame("he", "llo", nullptr));
    const std::string frame(10'000, 'f');
    EXPECT_TRUE(a.write_frame("ad", frame, nullptr));
    EXPECT_EQ(a.unsent(), 0U);
    std::string got(20'000, '\0');
    got.resize(static_cast<std::size_t>(::recv(b.native_handle(), got.data(), got.size(), MSG_DONTWAIT)));
    EXPECT_TRUE(got == "helload" + frame);
}

TEST_P(Streams, ReportsThatThePeerIsGoneWhenABigFrameIsSent)
{
    b.close();
    const std::string frame(10'000, 'f');
    for (int i = 0; i < 100 && a.write_frame("head", frame, nullptr); ++i) a.flush();
    EXPECT_TRUE(a.error());
    EXPECT_FALSE(a.write_frame("head", frame, nullptr));
    EXPECT_EQ(a.unsent(), 0U);
}

TEST_P(Streams, SaysEofOnceThePeerHasShutDownAndDeliversWhatCameBefore)
{
    Sink sink{b, 100};
    a.async_write_some(asio::buffer("last words", 10), [](error_code, std::size_t) {});
    bool down = false;
    a.async_shutdown([&](error_code ec) {
        EXPECT_FALSE(ec);
        down = true;
    });
    ASSERT_TRUE(until([&] { return down && sink.ec; }));
    EXPECT_EQ(sink.got, "last words");
    EXPECT_EQ(sink.ec, asio::error::eof);
}

TEST_P(Streams, EndsAWaitingReadWhenClosed)
{
    Sink sink{b, 100};
    pair.io.poll();
    b.close();
    ASSERT_TRUE(until([&] { return bool(sink.ec); }));
    EXPECT_EQ(sink.ec, asio::error::operation_aborted);
}

TEST_P(Streams, ReportsABrokenPeerToTheWriter)
{
    pair.b->close();
    error_code seen;
    const std::string piece(100'000, 'x');
    std::function<void()> next = [&] {
        a.async_write_some(asio::buffer(piece), [&](error_code ec, std::size_t) {
            if (!ec) return next();
            seen = ec;
        });
    };
    next();
    ASSERT_TRUE(until([&] { return bool(seen); })); // and no SIGPIPE
    EXPECT_TRUE(a.error());
}

TEST_P(Streams, GivesRawAccessForBodies)
{
    const std::string body = random_bytes(5'000'000, 3);
    std::string got;
    bool finished = false;
    std::size_t at = 0;
    std::function<void()> send = [&] {
        error_code ec;
        while (at < body.size()) {
            const auto n =
                a.write_now(body.data() + at, std::min<std::size_t>(300'000, body.size() - at), ec);
            at += n;
            if (n == 0) {
                ASSERT_EQ(ec, asio::error::would_block);
                return a.wait_writable([&](error_code e) {
                    ASSERT_FALSE(e);
                    send();
                });
            }
        }
        a.async_shutdown([&](error_code) {});
    };
    std::string buffer(256 * 1024, '\0');
    std::function<void()> receive = [&] {
        for (;;) {
            error_code ec;
            const auto n = b.read_now(buffer.data(), buffer.size(), ec);
            got.append(buffer, 0, n);
            if (ec == asio::error::would_block)
                return b.wait_readable([&](error_code e) {
                    ASSERT_FALSE(e);
                    receive();
                });
            if (ec) {
                EXPECT_EQ(ec, asio::error::eof);
                finished = true;
                return;
            }
        }
    };
    send();
    receive();
    ASSERT_TRUE(until([&] { return finished; }));
    EXPECT_TRUE(got == body);
}

TEST_P(Streams, HandsOverWhatItHasRead)
{
    a.async_write_some(asio::buffer("headerbody bytes", 16), [](error_code, std::size_t) {});
    a.flush();
    char head[6];
    bool read = false;
    b.async_read_some(asio::buffer(head), [&](error_code, std::size_t n) {
        EXPECT_EQ(n, 6u);
        read = true;
    });
    ASSERT_TRUE(until([&] { return read; }));
    EXPECT_EQ(b.take_buffered(), "body bytes");
    EXPECT_EQ(b.buffered(), 0u);
}

TEST_P(Streams, SurvivesItsOwnDestructionWithEverythingUnderWay)
{
    std::string big(1'000'000, 'z');
    char c;
    int ended = 0;
    b.async_read_some(asio::buffer(&c, 1), [&](error_code, std::size_t) { ++ended; });
    asio::async_write(b, asio::buffer(big), [&](error_code, std::size_t) { ++ended; });
    pair.io.poll();
    pair.b.reset();
    ASSERT_TRUE(until([&] { return ended == 2; }));
}

TEST(Stream, TellsTheAddressOfItsPeer)
{
    Pair pair{false};
    EXPECT_EQ(pair.a->peer(), "unix");
    EXPECT_FALSE(pair.a->tls());
}

} // namespace
} // namespace agenthost::test

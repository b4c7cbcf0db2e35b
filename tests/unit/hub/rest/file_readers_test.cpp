// GETs receive the part of a file that has arrived, at any speed of the caller. The test controls the queues
// of the daemon and the worker, and the clock.
#include "tests/unit/hub/parts.hpp"
#include "tests/unit/hub/sum.hpp"

#include "tests/support/support.hpp"

#include <unistd.h>

using namespace agenthost::hub_test;
using namespace std::chrono_literals;

namespace {

// A daemon with a queue of 256 KiB for each streamed answer: it reports writable once half of it is free.
class SlowDaemon final : public Host, public HttpHost {
public:
    static constexpr std::size_t queue_bytes = 256U << 10;

    agh_status begin(Conn, const Answer& head, std::uint64_t size) override
    {
        status = head.status;
        length = size;
        return AGH_OK;
    }
    agh_status chunk(Conn, std::string_view bytes) override
    {
        if (queued + bytes.size() > queue_bytes) {
            told_busy = true;
            if (during_chunk) during_chunk();
            return AGH_E_BUSY;
        }
        queued += bytes.size();
        body += bytes;
        return AGH_OK;
    }
    void finish(Conn) override { finished = true; }
    void close(Conn, int code, std::string_view) override { closed = code; }
    void receive(Conn conn, const SpoolFile* file, std::uint64_t) override { files[conn] = file; }
    void answer(Conn conn, const Answer& a) override { answers.insert_or_assign(conn, a); }
    void upgrade(Conn, std::string_view, std::string_view) override {}
    agh_status send(Conn, std::string_view) override { return AGH_OK; }
    void limits(Conn, std::string_view) override {}
    std::string address() const override { return "http://127.0.0.1:3001"; }
    void log(int, std::string_view, std::string_view) override {}
    void record(Metric, double) override {}
    void publish(std::string_view, std::string_view) override {}

    std::map<Conn, const SpoolFile*> files;
    std::map<Conn, Answer> answers;
    std::function<void()> during_chunk;
    std::string body;
    std::uint64_t length = 0;
    std::size_t queued = 0;
    int status = 0, closed = 0;
    bool finished = false, told_busy = false;
};

class FileReadersTest : public testing::Test {
protected:
    FileReadersTest()
    {
        core.utc = [] { return std::int64_t{1'000'000}; };
        core.now = [this] { return now; };
        core.blocking = [this](std::function<void()> job) {
            if (worker_full) return false;
            jobs.push_back(std::move(job));
            return true;
        };
        AgentRecord a;
        a.id = "n1";
        a.protocol = "storage";
        fanout.agents.emplace("n1", a);
        for (int i = 0; i < 200'000; ++i) content += std::to_string(i);
    }
    void enter(const std::function<void()>& work) { core.strand.run(work); }
    void work() // the hub's worker
    {
        while (!jobs.empty()) {
            const auto job = std::move(jobs.front());
            jobs.pop_front();
            job();
        }
    }
    void pass(std::chrono::milliseconds time)
    {
        now += time;
        enter([this] { core.timers.run(now); });
        work();
    }
    // The caller has read the whole queue: the daemon reports writable.
    void drained()
    {
        daemon.queued = 0;
        if (std::exchange(daemon.told_busy, false)) enter([&] { files.writable(exchanges.at(caller)); });
        work();
    }

    void get()
    {
        enter([&] {
            call(files.routes(), "GET", file_path, exchanges.open(caller), Head{}, {"n1", "f1"},
                 {.subject = "t"});
        });
        work();
        ASSERT_FALSE(fanout.sent.empty());
        task = fanout.sent.back().id;
        const std::string url = json::parse(fanout.sent.back().params)["upload_url"];
        token = url.substr(url.rfind('/') + 1);
    }
    // The agent begins to send `length` bytes with this SHA-256.
    Conn upload(std::size_t length, const std::string& sha256)
    {
        Head head;
        head.length = length;
        return upload(std::move(head), sha256);
    }
    Conn upload_chunked()
    {
        Head head;
        head.chunked = true;
        return upload(std::move(head), {});
    }
    Conn upload(Head head, const std::string& sha256)
    {
        const Conn conn = ++last;
        head.method = "PUT";
        if (!sha256.empty()) head.headers.emplace("x-content-sha256", sha256);
        enter([&] {
            call(files.routes(), "PUT", "/api/temp/upload/:token", exchanges.open(conn), head, {token});
        });
        work();
        EXPECT_TRUE(daemon.files.contains(conn));
        return conn;
    }
    void lands(Conn conn, std::string_view bytes)
    {
        std::uint64_t& at = landed[conn];
        ASSERT_EQ(::pwrite(daemon.files.at(conn)->fd(), bytes.data(), bytes.size(), static_cast<off_t>(at)),
                  static_cast<ssize_t>(bytes.size()));
        at += bytes.size();
        enter([&] { EXPECT_TRUE(exchanges.progress(conn, at)); });
        work();
    }
    void whole(Conn conn, const std::string& bytes)
    {
        enter([&] { exchanges.body(conn, {.length = bytes.size(), .sha256 = sum(bytes)}); });
        work();
    }
    void agent_says_success()
    {
        enter([&] { commands.events().result("n1", {.id = task, .data = "{}"}); });
        work();
    }

    static Config config()
    {
        Config c;
        c.min_rate = 0;
        c.max_file = 64U << 20; // reserved for a chunked body
        return c;
    }
    agenthost::test::TempDir dir;
    Timers::Time now = Timers::Time{1h};
    SlowDaemon daemon;
    Core core{config(), daemon};
    Exchanges exchanges{core, daemon};
    Later later;
    MemoryTables tables{later};
    MemoryFanout fanout;
    Commands commands{core, tables, fanout};
    Credentials credentials;
    Calls calls{core, credentials.agents, fanout, tables, tables, commands};
    Files files{core, calls, commands, Spool::make((dir / "spool").string(), 1 << 30, 0)};
    std::deque<std::function<void()>> jobs;
    std::map<Conn, std::uint64_t> landed;
    std::string content, task, token;
    const Conn caller = 1;
    Conn last = 100;
    bool worker_full = false;
};

TEST_F(FileReadersTest, SendsAPieceWheneverTheConnectionIsWritable)
{
    get();
    pass(10s);
    const Conn agent = upload(content.size(), sum(content));
    lands(agent, content);
    whole(agent, content);
    for (int i = 0; i < 100 && !daemon.finished; ++i) {
        // It reports writable only when half of its queue is free.
        const std::size_t before = daemon.body.size();
        daemon.queued = std::min(daemon.queued, SlowDaemon::queue_bytes / 2);
        if (std::exchange(daemon.told_busy, false)) enter([&] { files.writable(exchanges.at(caller)); });
        work();
        ASSERT_GT(daemon.body.size(), before) << "a caller that reads gets on, without the clock";
    }
    EXPECT_EQ(daemon.body, content);
    EXPECT_EQ(daemon.status, 200);
    EXPECT_EQ(daemon.length, content.size());
}

TEST_F(FileReadersTest, AReaderContinuesIfTheConnectionBecameWritableMeanwhile)
{
    get();
    pass(10s);
    // BUSY and writable cross: writable is reported once, while the reader is still reading.
    daemon.during_chunk = [&] {
        daemon.told_busy = false;
        enter([&] { files.writable(exchanges.at(caller)); });
    };
    const Conn agent = upload(content.size(), sum(content));
    lands(agent, content);
    whole(agent, content);
    for (int i = 0; i < 20 && !daemon.finished; ++i) {
        daemon.queued = 0;
        pass(1s);
    }
    EXPECT_TRUE(daemon.finished);
    EXPECT_EQ(daemon.body, content);
}

TEST_F(FileReadersTest, AReaderContinuesAfterTheWorkersQueueWasFull)
{
    get();
    pass(10s);
    const Conn agent = upload(1'000, sum(content.substr(0, 1'000)));
    worker_full = true;
    lands(agent, content.substr(0, 1'000));
    EXPECT_EQ(daemon.status, 200);
    EXPECT_EQ(daemon.body, "");
    worker_full = false;
    pass(50ms);
    EXPECT_EQ(daemon.body, content.substr(0, 999)) << "the last byte waits for the SHA-256";
    whole(agent, content.substr(0, 1'000));
    EXPECT_TRUE(daemon.finished);
}

// A reader that started between the end of the upload and the agent's answer was cut off, because it was not
// told that the file was complete.
TEST_F(FileReadersTest, AGetDueAfterTheUploadEndedGetsTheWholeFile)
{
    get();
    const Conn agent = upload(1'000, sum(content.substr(0, 1'000)));
    lands(agent, content.substr(0, 1'000));
    whole(agent, content.substr(0, 1'000));
    EXPECT_EQ(daemon.answers.at(agent).status, 200);
    EXPECT_EQ(daemon.status, 0) << "not due yet";
    pass(10s);
    EXPECT_EQ(daemon.body, content.substr(0, 1'000));
    EXPECT_TRUE(daemon.finished);
    agent_says_success();
    EXPECT_EQ(daemon.closed, 0);
    EXPECT_FALSE(daemon.answers.contains(caller)) << "it has its answer";
}

TEST_F(FileReadersTest, ARepeatedUploadDoesNotDisturbACompleteReader)
{
    get();
    pass(10s);
    const Conn agent = upload(content.size(), sum(content));
    lands(agent, content);
    whole(agent, content);
    ASSERT_FALSE(daemon.finished) << "the caller is slow";
    // The agent did not receive the answer and sends again, this time other content.
    const Conn again = upload(100, sum("other"));
    lands(again, "some bytes");
    EXPECT_EQ(daemon.closed, 0);
    for (int i = 0; i < 20 && !daemon.finished; ++i) drained();
    EXPECT_TRUE(daemon.finished);
    EXPECT_EQ(daemon.body, content);
}

// Bytes of two attempts with different content, sent as one complete file.
class OneContentTest : public FileReadersTest {
protected:
    OneContentTest() : other(first.rbegin(), first.rend()) {}
    // The caller has received the head and a part of `first`.
    Conn begun(const std::string& sha256)
    {
        get();
        pass(10s);
        const Conn agent = upload(first.size(), sha256);
        lands(agent, first.substr(0, 600));
        EXPECT_EQ(daemon.body, first.substr(0, 600));
        return agent;
    }
    void expect_cut()
    {
        EXPECT_EQ(daemon.closed, 1011);
        EXPECT_FALSE(daemon.finished);
        EXPECT_EQ(daemon.body, first.substr(0, daemon.body.size())) << "no byte of the other content";
    }
    void expect_whole()
    {
        EXPECT_TRUE(daemon.finished);
        EXPECT_EQ(daemon.body, first);
        EXPECT_EQ(daemon.closed, 0);
    }

    const std::string first = content.substr(0, 1'000);
    const std::string other;
};

TEST_F(OneContentTest, CutsIfAChunkedAttemptHasOtherContent)
{
    begun(sum(first));
    whole(upload_chunked(), other);
    expect_cut();
}

TEST_F(OneContentTest, CutsIfAnAttemptThatEndsAtOnceHasOtherContent)
{
    begun(sum(first));
    whole(upload(other.size(), sum(other)), other);
    expect_cut();
}

TEST_F(OneContentTest, CutsIfTheFirstAttemptAnnouncedNoSha)
{
    begun({});
    whole(upload(other.size(), sum(other)), other);
    expect_cut();
}

TEST_F(OneContentTest, CutsIfTheContentThatItReadWasWrong)
{
    const Conn wrong = begun(sum(other));
    lands(wrong, first.substr(600));
    whole(wrong, first);
    EXPECT_EQ(daemon.answers.at(wrong).status, 422);
    const Conn right = upload(other.size(), sum(other));
    lands(right, other);
    whole(right, other);
    expect_cut();
}

TEST_F(OneContentTest, ContinuesWithAnAttemptOfTheSameContent)
{
    begun(sum(first));
    const Conn again = upload_chunked();
    lands(again, first);
    whole(again, first);
    expect_whole();
}

// Two uploads at once announce one SHA-256, and one of them lies.
TEST_F(OneContentTest, CutsIfBytesCameFromAnAttemptThatOnlyAnnouncedTheContent)
{
    begun(sum(other));
    const Conn right = upload(other.size(), sum(other));
    lands(right, other.substr(0, 300));
    whole(right, other);
    expect_cut();
}

TEST_F(OneContentTest, CutsIfBytesInTheMiddleCameFromAnotherContent)
{
    const Conn right = begun(sum(first));
    const Conn liar = upload(other.size(), sum(first));
    lands(liar, other.substr(0, 800));
    lands(right, first.substr(600));
    whole(right, first);
    EXPECT_EQ(daemon.closed, 1011);
    EXPECT_FALSE(daemon.finished);
}

TEST_F(OneContentTest, ContinuesAmongUploadsAtOnceOfTheSameContent)
{
    const Conn one = begun(sum(first));
    const Conn two = upload(first.size(), sum(first));
    lands(two, first.substr(0, 800));
    lands(one, first.substr(600));
    whole(one, first);
    expect_whole();
}

TEST_F(OneContentTest, ACompleteFileIsNotReplacedByALaterUpload)
{
    get();
    pass(10s);
    const Conn agent = upload(content.size(), sum(content));
    lands(agent, content);
    whole(agent, content);
    ASSERT_FALSE(daemon.finished) << "the caller is slow";
    const std::string reversed{content.rbegin(), content.rend()};
    const Conn again = upload_chunked();
    lands(again, reversed);
    whole(again, reversed);
    for (int i = 0; i < 20 && !daemon.finished; ++i) drained();
    EXPECT_TRUE(daemon.finished);
    EXPECT_EQ(daemon.body, content);
}

} // namespace

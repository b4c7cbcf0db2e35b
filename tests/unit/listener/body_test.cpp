#include "fixture.hpp"

#include "tests/support/caught.hpp"

#include "base/hash.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace agenthost::test {
namespace {

using namespace std::chrono_literals;

// A plugin that stores PUT bodies in a file and serves them; POST goes to memory.
class BodyTest : public ListenerTest {
protected:
    void SetUp() override
    {
        file = (dir / "stored").string();
        script.request = [this](agh_conn c, const json& head) {
            if (head["method"] == "PUT") {
                fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
                EXPECT_EQ(listeners->receive(c, fd, 0, most), AGH_OK);
                ++receiving;
            } else if (head["method"] == "POST") {
                EXPECT_EQ(listeners->receive(c, -1, 0, most), AGH_OK);
            } else {
                agh_blob blob{};
                blob.size = sizeof blob;
                blob.fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
                blob.length = std::filesystem::file_size(file);
                listeners->answer(c, 200, {}, &blob);
            }
        };
        script.body = [this](agh_conn c, std::uint64_t n, std::string sha, std::string data,
                             agh_status status) {
            length = n;
            sha256.put(agenthost::base::hex(sha.data(), sha.size()));
            memory.put(std::move(data));
            last_status = status;
            if (fd >= 0) ::close(fd);
            fd = -1;
            if (status == AGH_OK || status == AGH_E_INTERNAL)
                answer(c, status == AGH_OK ? 201 : 507, "stored");
        };
    }

    Script script;
    std::string file;
    Caught<std::string> sha256, memory;
    std::atomic<std::uint64_t> length{0};
    std::atomic<int> last_status{77}, receiving{0};
    std::uint64_t most = 1 << 30;
    int fd = -1;
};

std::string put(std::string_view headers, std::string_view body)
{
    return "PUT /f HTTP/1.1\r\nHost: h\r\n" + std::string{headers} + "\r\n" + std::string{body};
}

TEST_F(BodyTest, WritesTheBodyToTheDescriptorAndReportsItsHash)
{
    const int p = start();
    http(script, "/f");
    Raw raw{p};
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{70'000}, std::size_t{262'144},
                                   std::size_t{262'145}, std::size_t{3'000'000}}) {
        SCOPED_TRACE(size);
        const std::string content = random_bytes(size, 7);
        const auto a = ask(raw, put("Content-Length: " + std::to_string(size) + "\r\n", content) + get("/f"));
        ASSERT_EQ(a.status, 201);
        EXPECT_EQ(length, size);
        EXPECT_EQ(sha256.get(), sha256_hex(content));
        EXPECT_TRUE(read_answer(raw).body == content); // the pipelined GET was left alone
    }
    EXPECT_TRUE(wait_for([&] { return script.balanced(); }));
}

TEST_F(BodyTest, ReadsChunksCutAtAnyByte)
{
    const int p = start();
    http(script, "/f");
    const std::string content = random_bytes(600'000, 8);
    std::string coded;
    for (std::size_t at = 0, n = 1; at < content.size(); at += n, n = n * 3 % 70'001 + 1) {
        n = std::min(n, content.size() - at);
        char size[32];
        std::snprintf(size, sizeof size, "%zX;ext=1\r\n", n);
        coded += size + content.substr(at, n) + "\r\n";
    }
    coded += "0\r\nTrailer: x\r\n\r\n";
    Raw raw{p};
    const std::string all = put("Transfer-Encoding: chunked\r\n", coded) + get("/f");
    for (std::size_t at = 0, n = 1; at < all.size(); at += n, n = n * 7 % 9973 + 1)
        ASSERT_TRUE(raw.send(std::string_view{all}.substr(at, n)));
    EXPECT_EQ(read_answer(raw).status, 201);
    EXPECT_EQ(sha256.get(), sha256_hex(content));
    EXPECT_TRUE(read_answer(raw).body == content);
}

TEST_F(BodyTest, KeepsABodyInMemoryUpToTheLimit)
{
    most = 10'000;
    const int p = start();
    http(script, "/f");
    const std::string content(10'000, 'm');
    Raw raw{p};
    EXPECT_EQ(ask(raw, "POST /f HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\n\r\n" + content).status, 201);
    EXPECT_TRUE(memory.get() == content);
    EXPECT_EQ(sha256.get(), sha256_hex(content));
    const auto large =
        ask(raw, "POST /f HTTP/1.1\r\nHost: h\r\nContent-Length: 10001\r\n\r\n" + content + "x");
    EXPECT_EQ(large.status, 413);
    EXPECT_EQ(last_status, AGH_E_INVALID);
    EXPECT_TRUE(raw.closed());
    EXPECT_EQ(script.close_code(script.last()), 413);
}

TEST_F(BodyTest, RejectsMalformedChunks)
{
    const int p = start();
    http(script, "/f");
    for (const char* bad : {"zz\r\n", "\r\n", "-1\r\n", "5\nabcde\r\n", "5\r\nabcdeXX",
                            "1000000000000000\r\n", "0x5\r\nabcde\r\n", " 5\r\nabcde\r\n"}) {
        SCOPED_TRACE(bad);
        Raw raw{p};
        EXPECT_EQ(ask(raw, put("Transfer-Encoding: chunked\r\n", bad)).status, 400);
        EXPECT_EQ(last_status, AGH_E_INVALID);
        EXPECT_TRUE(raw.closed());
        EXPECT_EQ(script.close_code(script.last()), 400);
    }
    most = 4;
    Raw raw{p};
    EXPECT_EQ(ask(raw, put("Transfer-Encoding: chunked\r\n", "5\r\nabcde\r\n0\r\n\r\n")).status, 413);
}

TEST_F(BodyTest, SendsContinueOnlyIfThePluginReceivesTheBody)
{
    const int p = start();
    http(script, "/f");
    Raw raw{p};
    raw.send(put("Content-Length: 5\r\nExpect: 100-continue\r\n", {}));
    EXPECT_EQ(read_answer(raw).status, 100);
    raw.send("abcde");
    EXPECT_EQ(read_answer(raw).status, 201);
    most = 3;
    raw.send(put("Content-Length: 5\r\nExpect: 100-continue\r\n", {}));
    EXPECT_EQ(read_answer(raw).status, 413); // no 100 before
    EXPECT_TRUE(raw.closed());
    script.request = [this](agh_conn c, const json&) { answer(c, 401, "no"); };
    Raw refused{p};
    refused.send(put("Content-Length: 5\r\nExpect: 100-continue\r\n", {}));
    const auto a = read_answer(refused);
    EXPECT_EQ(a.status, 401);
    EXPECT_EQ(a.header("connection"), "close"); // the body may come or not: nobody could tell
    Raw odd{p};
    EXPECT_EQ(ask(odd, put("Content-Length: 5\r\nExpect: 200-ok\r\n", {})).status, 417);
}

// A client that looks up only after it has sent a lot finds the answer, and no reset before it.
TEST_F(BodyTest, AnswersARequestWhoseBodyIsNotReceived)
{
    const int p = start();
    http(script, "/f");
    script.request = [this](agh_conn c, const json&) { answer(c, 413, "too large"); };
    Raw raw{p};
    raw.send(put("Content-Length: 2000000\r\n", {}));
    pollfd answered{raw.fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&answered, 1, static_cast<int>(std::chrono::milliseconds{max_wait}.count())), 1);
    const std::string block(64 << 10, 'x');
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(raw.send(block)) << "after " << i << " blocks";
    const auto a = read_answer(raw);
    EXPECT_EQ(a.status, 413);
    EXPECT_EQ(a.body, "too large");
    EXPECT_TRUE(raw.send("x"));
    EXPECT_TRUE(wait_for([&] { return status().connections == 0; })); // though it never hangs up
}

TEST_F(BodyTest, ReportsAPeerThatLeavesDuringTheBody)
{
    const int p = start();
    http(script, "/f");
    {
        Raw raw{p};
        raw.send(put("Content-Length: 1000\r\n", "only this"));
        ASSERT_TRUE(wait_for([&] { return script.requests() == 1; }));
    }
    EXPECT_EQ(script.close_code(script.last()), 0);
    EXPECT_EQ(last_status, AGH_E_CLOSED);
    EXPECT_EQ(length, 9u);
    EXPECT_EQ(script.bodies(), 1u);
}

TEST_F(BodyTest, EndsABodyThatArrivesTooSlowly)
{
    auto c = config();
    c.body_timeout = 600ms;
    const int p = start(c);
    http(script, "/f");
    Raw raw{p};
    raw.send(put("Content-Length: 1000\r\n", {}));
    std::atomic<bool> stop{false};
    std::thread drip{[&] {
        while (!stop && raw.send("x")) std::this_thread::sleep_for(50ms); // always something, never progress
    }};
    const auto a = read_answer(raw);
    stop = true;
    drip.join();
    EXPECT_EQ(a.status, 408);
    EXPECT_EQ(last_status, AGH_E_CLOSED);
    EXPECT_EQ(script.close_code(script.last()), 408);
}

TEST_F(BodyTest, ReportsAFailingDisk)
{
    const int p = start();
    script.request = [this](agh_conn c, const json&) {
        fd = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
        EXPECT_EQ(listeners->receive(c, fd, 0, most), AGH_OK);
    };
    http(script, "/f");
    const std::string content = random_bytes(2'000'000, 9);
    Raw raw{p};
    std::thread sender{[&] { raw.send(put("Content-Length: 2000000\r\n", content)); }};
    EXPECT_EQ(read_answer(raw).status, 507);
    EXPECT_EQ(last_status, AGH_E_INTERNAL);
    sender.join();
}

TEST_F(BodyTest, DropsTheBodyIfThePluginCloses)
{
    const int p = start();
    http(script, "/f");
    Raw raw{p};
    raw.send(put("Content-Length: 1000000\r\n", random_bytes(300'000, 1)));
    ASSERT_TRUE(wait_for([&] { return receiving == 1; }));
    EXPECT_EQ(listeners->close(script.last(), 0, {}), AGH_OK);
    EXPECT_EQ(script.close_code(script.last()), 0);
    EXPECT_EQ(script.bodies(), 1u);
    EXPECT_EQ(last_status, AGH_E_CLOSED);
    EXPECT_EQ(script.times_closed(script.last()), 1);
}

TEST_F(BodyTest, TransfersSixtyFourMebibytesBothWaysPlainAndWithTls)
{
    start();
    auto secure = config();
    secure.name = "secure";
    secure.tls = host::TlsServerConfig{.certificate = (certificates() / "server.pem").string(),
                                       .key = (certificates() / "server.key").string()};
    start(secure);
    http(script, "/f");
    http(script, "/f", "secure");
    const std::string content = random_bytes(64 << 20, 11);
    write_file(dir / "up", content);
    const std::string expected = sha256_hex(content);
    for (const char* name : {"web", "secure"}) {
        SCOPED_TRACE(name);
        const std::string url = (std::string{name} == "web" ? "http://127.0.0.1:" : "https://127.0.0.1:") +
                                std::to_string(port(name)) + "/f";
        for (const char* way : {"Content-Type: x", "Transfer-Encoding: chunked"}) {
            const auto up = run({"curl", "-sS", "--http1.1", "--cacert", (certificates() / "ca.pem").string(),
                                 "-H", way, "-w", "%{http_code}", "-T", (dir / "up").string(), url});
            ASSERT_EQ(up.out, "stored201") << up.err;
            EXPECT_EQ(sha256.get(), expected);
        }
        const auto down = run({"curl", "-sS", "--http1.1", "--cacert", (certificates() / "ca.pem").string(),
                               "-o", (dir / "down").string(), url});
        ASSERT_EQ(down.code, 0) << down.err;
        EXPECT_EQ(sha256_hex(read_file(dir / "down")), expected);
    }
    EXPECT_TRUE(wait_for([&] { return script.balanced(); }));
}

TEST_F(BodyTest, StopsSendingToAPeerThatNeverReads)
{
    auto c = config();
    c.body_timeout = 600ms;
    const int p = start(c);
    http(script, "/f");
    write_file(file, random_bytes(50'000'000, 2));
    Raw raw{p};
    raw.send(get("/f"));
    EXPECT_EQ(script.close_code((wait_for([&] { return script.last() != 0; }), script.last())), 0);
    EXPECT_TRUE(wait_for([&] { return status().connections == 0; }));
}

} // namespace
} // namespace agenthost::test

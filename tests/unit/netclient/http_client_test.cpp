// What a client owes to RFC 9110 and 9112, against a scripted TCP server: one test a rule. The rules are in
// http_head.hpp and http_client.hpp.
#include "base/fd.hpp"
#include "netclient/http_client.hpp"
#include "tests/support/support.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <thread>

namespace {

namespace base = agenthost::base;
using namespace agenthost::netclient;
using namespace std::chrono_literals;
using agenthost::test::max_wait;
using End = Transfer::End;

// One connection as the server sees it.
class Peer {
public:
    explicit Peer(int fd) : fd_{fd} {}

    std::string head() // of the request
    {
        std::string text;
        while (text.find("\r\n\r\n") == std::string::npos) {
            char c = 0;
            if (::recv(fd_, &c, 1, 0) != 1) break;
            text += c;
        }
        return text;
    }
    std::size_t body(std::size_t most)
    {
        std::size_t total = 0;
        std::vector<char> block(64 * 1024);
        while (total < most) {
            const ssize_t n = ::recv(fd_, block.data(), std::min(block.size(), most - total), 0);
            if (n <= 0) break;
            total += static_cast<std::size_t>(n);
        }
        return total;
    }
    void say(std::string_view text)
    {
        while (!text.empty()) {
            const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
            if (n <= 0) return;
            text.remove_prefix(static_cast<std::size_t>(n));
        }
    }
    void finish() // the client has all before the connection ends
    {
        ::shutdown(fd_, SHUT_WR);
        body(SIZE_MAX);
    }

private:
    int fd_;
};

// Calls `serve` for each connection, one after another, and keeps the requests' heads.
class Server {
public:
    using Serve = std::function<void(Peer&, const std::string& head)>;
    explicit Server(Serve serve) : serve_{std::move(serve)}
    {
        fd_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof in;
        ::bind(fd_.get(), reinterpret_cast<sockaddr*>(&in), size);
        ::listen(fd_.get(), 16);
        ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&in), &size);
        port_ = ntohs(in.sin_port);
        thread_ = std::thread{[this] {
            for (int one = 0; (one = ::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
                const base::Fd closed{one};
                Peer peer{one};
                const auto head = peer.head();
                if (head.empty()) continue;
                {
                    const std::scoped_lock lock{mutex_};
                    heads_.push_back(head);
                }
                serve_(peer, head);
                peer.finish();
            }
        }};
    }
    // The same bytes to everyone.
    explicit Server(std::string answer)
        : Server{[answer = std::move(answer)](Peer& peer, const std::string&) { peer.say(answer); }}
    {}
    ~Server()
    {
        ::shutdown(fd_.get(), SHUT_RDWR);
        thread_.join();
    }
    [[nodiscard]] std::string url(const std::string& target, const std::string& host = "127.0.0.1") const
    {
        return "http://" + host + ":" + std::to_string(port_) + target;
    }
    std::vector<std::string> heads()
    {
        const std::scoped_lock lock{mutex_};
        return heads_;
    }

private:
    Serve serve_;
    base::Fd fd_;
    int port_ = 0;
    std::mutex mutex_;
    std::vector<std::string> heads_;
    std::thread thread_;
};

struct Text : Sink {
    std::string text;
    bool ends = false; // knows the end by itself
    bool begin(std::optional<std::uint64_t>) override { return true; }
    bool write(const char* data, std::size_t size) override { return text.append(data, size), true; }
    bool restart() override { return text.clear(), true; }
    [[nodiscard]] bool knows_end() const override { return ends; }
};

struct Got {
    Transfer transfer;
    std::string body;
};

HttpOptions options()
{
    HttpOptions o;
    o.policy.allow_private_networks = true;
    o.retry.attempts = 2;
    o.retry.first_delay = 1ms;
    o.idle_timeout = o.answer_timeout = max_wait;
    o.retry.within = 2 * max_wait;
    return o;
}

Got get(const std::string& url, bool ends = false, Headers headers = {})
{
    HttpClient client{options()};
    const base::Cancel cancel;
    std::string why;
    Text sink;
    sink.ends = ends;
    Got got;
    HttpClient::Call call;
    call.url = *parse_url(url, why);
    call.headers = std::move(headers);
    got.transfer = client.get(call, sink, {cancel});
    got.body = sink.text;
    return got;
}

Got get_answer(const std::string& answer, bool ends = false)
{
    Server server{answer};
    return get(server.url("/x"), ends);
}

Transfer put(const std::string& url, const Body& body, std::string_view method = "PUT", Headers headers = {})
{
    HttpClient client{options()};
    const base::Cancel cancel;
    std::string why;
    HttpClient::Call call;
    call.url = *parse_url(url, why);
    call.headers = std::move(headers);
    call.max_reply = 4096;
    return client.send(method, call, body, {cancel});
}

struct File {
    explicit File(std::size_t size)
    {
        agenthost::test::write_file(dir / "file", std::string(size, 'f'));
        fd.reset(::open((dir / "file").c_str(), O_RDONLY | O_CLOEXEC));
        body = {.file = fd.get(), .text = {}, .size = size};
    }
    agenthost::test::TempDir dir;
    base::Fd fd;
    Body body;
};

constexpr std::size_t large = 24 << 20; // more than a loopback connection's buffers hold

std::uint64_t length_of(const std::string& head)
{
    const auto at = head.find("Content-Length: ");
    return at == std::string::npos ? 0 : std::stoull(head.substr(at + 16));
}

// --- interim answers

TEST(HttpClientRules, InterimAnswersDoNotStopAnUpload)
{
    for (const bool from_file : {true, false}) {
        Server server{[](Peer& peer, const std::string& head) {
            std::size_t got = 0;
            for (const char* interim :
                 {"100 Continue", "102 Processing", "103 Early Hints\r\nLink: </x>", "199 Odd"}) {
                peer.say(std::string{"HTTP/1.1 "} + interim + "\r\n\r\n");
                got += peer.body(1 << 20);
            }
            peer.say("HTTP/1.1 10"); // cut anywhere
            got += peer.body(1 << 20);
            peer.say("0 Continue\r\n\r\n");
            got += peer.body(length_of(head) - got);
            peer.say("HTTP/1.1 201 Created\r\nContent-Length: " + std::to_string(std::to_string(got).size()) +
                     "\r\n\r\n" + std::to_string(got));
        }};
        const File file{large};
        const std::string text(large, 't');
        const auto t =
            put(server.url("/up"), from_file ? file.body : Body{.file = -1, .text = text, .size = 0});
        EXPECT_EQ(t.end, End::done) << t.detail;
        EXPECT_EQ(t.status, 201);
        EXPECT_EQ(t.reply, std::to_string(large));
        EXPECT_EQ(t.attempts, 1);
    }
}

TEST(HttpClientRules, AnEarlyResponseEndsAnUpload)
{
    Server server{[](Peer& peer, const std::string&) {
        peer.body(1 << 20);
        peer.say("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 413 Content Too Large\r\nContent-Length: "
                 "4\r\n\r\nmuch");
        // reads no more until the client has left
    }};
    const File file{large};
    const std::string text(large, 't');
    for (const Body& body : {file.body, Body{.file = -1, .text = text, .size = 0}}) {
        const auto t = put(server.url("/up"), body);
        EXPECT_EQ(t.end, End::refused);
        EXPECT_EQ(t.status, 413);
        EXPECT_EQ(t.reply, "much");
    }
}

TEST(HttpClientRules, InterimAnswersAreSkippedAndCounted)
{
    std::string many;
    for (int i = 0; i < 900; ++i)
        many += "HTTP/1.1 102 Processing\r\nX-Filler: " + std::string(100, 'x') + "\r\n\r\n";
    EXPECT_EQ(get_answer(many + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").body, "hi");
    const auto endless = get_answer(many + many);
    EXPECT_EQ(endless.transfer.end, End::refused);
    EXPECT_NE(endless.transfer.detail.find("interim"), std::string::npos);
    EXPECT_EQ(get_answer("HTTP/1.1 101 Switching Protocols\r\n\r\n").transfer.end, End::refused);
}

// --- the status line

TEST(HttpClientRules, ValidStatusLinesAreRead)
{
    for (const char* line :
         {"HTTP/1.1 200 OK", "HTTP/1.1 200 ", "HTTP/1.1 200", "HTTP/1.0 200 Fine", "HTTP/1.1 200 \xc3\xa4h",
          "HTTP/1.7 200 Later", "\r\nHTTP/1.1 200 OK", "\r\n\r\nHTTP/1.1 200 OK"}) {
        const auto got = get_answer(std::string{line} + "\r\nContent-Length: 2\r\n\r\nhi");
        EXPECT_EQ(got.transfer.end, End::done) << line << got.transfer.detail;
        EXPECT_EQ(got.body, "hi");
    }
    for (const char* line :
         {"HTTP/2.0 200 OK", "http/1.1 200 OK", "ICY 200 OK", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK",
          "HTTP/1.1 099 No", "HTTP/1.1  200 OK", "HTTP/1.1 OK", "\r\n\r\n\r\n\r\nHTTP/1.1 200 OK"})
        EXPECT_EQ(get_answer(std::string{line} + "\r\nContent-Length: 2\r\n\r\nhi").transfer.end,
                  End::network)
            << line;
}

TEST(HttpClientRules, AStatusBeyond599IsAServersError)
{
    const auto t = get_answer("HTTP/1.1 799 What\r\nContent-Length: 0\r\n\r\n").transfer;
    EXPECT_EQ(t.end, End::network); // tried again, as 5xx is
    EXPECT_EQ(t.attempts, 2);
    EXPECT_EQ(get_answer("HTTP/1.1 499 What\r\nContent-Length: 0\r\n\r\n").transfer.attempts, 1);
    EXPECT_EQ(get_answer("HTTP/1.1 408 Slow\r\nContent-Length: 0\r\n\r\n").transfer.attempts, 2);
}

// --- header fields

TEST(HttpClientRules, FoldedLinesBecomeSpaces)
{
    Server server{"HTTP/1.1 200 OK\r\nX-Long: a\r\n  b\r\nContent-Length:\r\n\t2\r\n\r\nhi"};
    EXPECT_EQ(get(server.url("/")).body, "hi");
    EXPECT_EQ(get_answer("HTTP/1.1 200 OK\r\n X: y\r\nContent-Length: 2\r\n\r\nhi").transfer.end,
              End::network);
}

TEST(HttpClientRules, LinesMayEndInLfAlone)
{
    EXPECT_EQ(get_answer("HTTP/1.1 200 OK\nContent-Length: 2\n\nhi").body, "hi");
}

TEST(HttpClientRules, InvalidFieldsAreRejected)
{
    for (const auto& field : std::vector<std::string>{"no colon", "Content-Length : 2", ": x", "Na me: x",
                                                      "X: a\rb", std::string{"X: a\0b", 6}})
        EXPECT_EQ(get_answer("HTTP/1.1 200 OK\r\n" + field + "\r\nContent-Length: 2\r\n\r\nhi").transfer.end,
                  End::network)
            << field;
}

TEST(HttpClientRules, AHeadIsBounded)
{
    EXPECT_EQ(get_answer("HTTP/1.1 200 OK\r\nX: " + std::string(max_head, 'x')).transfer.end, End::network);
}

// --- how long a body is

TEST(HttpClientRules, ContentLengthsMustAgree)
{
    for (const char* good :
         {"Content-Length: 2\r\nContent-Length: 2", "Content-Length: 2, 2", "content-length:2"})
        EXPECT_EQ(get_answer(std::string{"HTTP/1.1 200 OK\r\n"} + good + "\r\n\r\nhi and more").body, "hi")
            << good;
    for (const char* bad :
         {"Content-Length: 2\r\nContent-Length: 3", "Content-Length: 2, 3", "Content-Length: +2",
          "Content-Length: 0x2", "Content-Length: ", "Content-Length: 99999999999999999999",
          "Content-Length: 2\r\nTransfer-Encoding: chunked"})
        EXPECT_EQ(get_answer(std::string{"HTTP/1.1 200 OK\r\n"} + bad + "\r\n\r\nhi").transfer.end,
                  End::network)
            << bad;
}

TEST(HttpClientRules, AnUnrequestedTransferCodingIsRejected)
{
    for (const char* coding :
         {"gzip, chunked", "gzip", "identity", "chunked, chunked", "chunked\r\nTransfer-Encoding: gzip"}) {
        const auto got = get_answer(std::string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: "} + coding +
                                        "\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
                                    true);
        EXPECT_EQ(got.transfer.end, End::refused) << coding;
        EXPECT_EQ(got.transfer.attempts, 1) << "it would say the same again";
        EXPECT_EQ(got.body, "") << coding;
    }
    EXPECT_EQ(get_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n").body,
              "hi");
    EXPECT_EQ(
        get_answer("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n").transfer.end,
        End::network);
}

TEST(HttpClientRules, AnUnrequestedContentCodingIsRejected)
{
    EXPECT_EQ(
        get_answer("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nhi").transfer.end,
        End::refused);
    EXPECT_EQ(get_answer("HTTP/1.1 200 OK\r\nContent-Encoding: Identity\r\nContent-Length: 2\r\n\r\nhi").body,
              "hi");
    Server server{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
    get(server.url("/"));
    EXPECT_NE(server.heads().at(0).find("\r\nAccept-Encoding: identity\r\n"), std::string::npos);
}

TEST(HttpClientRules, ChunkExtensionsAndTrailersAreSkipped)
{
    EXPECT_EQ(get_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: "
                         "chunked\r\n\r\n2;a=\"b\";c\r\nhi\r\n000\r\nX-Sum: 1\r\nContent-Length: 9\r\n\r\n")
                  .body,
              "hi");
    for (const char* bad :
         {"2\r\nhi\r\n", "2\r\nhix\r\n0\r\n\r\n", "g\r\n", "ffffffffffffffffff\r\n", "-1\r\n"})
        EXPECT_EQ(get_answer(std::string{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"} + bad)
                      .transfer.end,
                  End::network)
            << bad;
}

TEST(HttpClientRules, ABodyWithoutLengthEndsWithTheConnection)
{
    EXPECT_EQ(get_answer("HTTP/1.1 200 OK\r\n\r\nall of it", true).body, "all of it");
    EXPECT_EQ(get_answer("HTTP/1.1 200 OK\r\n\r\nall of it", false).transfer.end,
              End::refused); // a cut would look the same
}

TEST(HttpClientRules, ATruncatedBodyIsIncomplete)
{
    EXPECT_EQ(get_answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi").transfer.end, End::network);
}

// The server keeps the connection open: a client that waits for a body would wait until its timeout.
TEST(HttpClientRules, Answers204And205HaveNoBody)
{
    for (const char* status : {"204 No Content", "205 Reset Content"})
        for (const char* fields : {"", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"}) {
            std::atomic<bool> left{false};
            Server server{[&](Peer& peer, const std::string& head) {
                peer.body(length_of(head));
                peer.say(std::string{"HTTP/1.1 "} + status + "\r\n" + fields + "\r\n");
                char c = 0;
                left = peer.body(1) == 0; // the client closed; we did not
                (void)c;
            }};
            const auto t = put(server.url("/"), {.file = -1, .text = "x", .size = 0});
            EXPECT_EQ(t.end, End::done) << status << t.detail;
            EXPECT_EQ(t.reply, "");
            EXPECT_TRUE(agenthost::test::wait_for([&] { return left.load(); }));
        }
    ResponseHead head;
    std::string why;
    EXPECT_EQ(parse_response_head("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", head, why),
              HeadResult::complete);
    EXPECT_EQ(head.length, 0u);
}

// --- redirects

// Redirects "/first" to `location`; everything else is answered 200 with its target as body.
struct Redirector {
    explicit Redirector(std::string to, std::string status = "302 Found")
        : location{std::move(to)}, code{std::move(status)}
    {}
    std::string location, code;
    Server server{[this](Peer& peer, const std::string& head) {
        peer.body(length_of(head));
        const auto target = head.substr(head.find(' ') + 1, head.find(" HTTP/") - head.find(' ') - 1);
        if (target == "/first")
            peer.say("HTTP/1.1 " + code + "\r\n" +
                     (location.empty() ? "" : "Location: " + location + "\r\n") +
                     "Content-Length: 0\r\n\r\n");
        else
            peer.say("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(target.size()) + "\r\n\r\n" +
                     target);
    }};
};

TEST(HttpClientRules, AnUnencodedLocationIsPercentEncoded)
{
    for (const auto& [location, target] : std::vector<std::pair<std::string, std::string>>{
             {"/a b", "/a%20b"},
             {"/\xc3\xbc.txt?q=\xc3\xa4 [1]", "/%C3%BC.txt?q=%C3%A4%20%5B1%5D"},
             {"/\xfc", "/%FC"}, // not UTF-8 either
             {"next{1}#part", "/next%7B1%7D"},
             {"/a%20b%C3%BC", "/a%20b%C3%BC"}, // not twice
             {"?x=1", "/first?x=1"}}) {
        Redirector one{location};
        const auto got = get(one.server.url("/first"));
        EXPECT_EQ(got.transfer.end, End::done) << location << got.transfer.detail;
        EXPECT_EQ(got.body, target) << location;
        Redirector absolute{"x"};
        if (!location.starts_with('/')) continue;
        absolute.location = absolute.server.url(location);
        EXPECT_EQ(get(absolute.server.url("/first")).body, target) << location;
    }
    for (const char* location :
         {"/a\\b", "/a%2", "/a\tb", "http://127.0.0.1\\@evil/", "ftp://127.0.0.1/", ""}) {
        Redirector one{location};
        EXPECT_EQ(get(one.server.url("/first")).transfer.end, End::refused) << location;
    }
}

TEST(HttpClientRules, TwoDifferentLocationsAreRefused)
{
    EXPECT_NE(get_answer("HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n")
                  .transfer.end,
              End::done);
}

TEST(HttpClientRules, ARedirectKeepsTheMethodOrIsNotFollowed)
{
    for (const char* code : {"307 Temporary Redirect", "308 Permanent Redirect"}) {
        Redirector one{"/second", code};
        const auto t = put(one.server.url("/first"), {.file = -1, .text = "hello", .size = 0}, "POST");
        EXPECT_EQ(t.end, End::done) << t.detail;
        const auto heads = one.server.heads();
        ASSERT_EQ(heads.size(), 2u);
        EXPECT_TRUE(heads[1].starts_with("POST /second HTTP/1.1\r\n")) << heads[1];
        EXPECT_EQ(length_of(heads[1]), 5u);
    }
    for (const char* code :
         {"301 Moved Permanently", "302 Found", "303 See Other"}) { // would make a GET of it
        Redirector one{"/second", code};
        EXPECT_EQ(put(one.server.url("/first"), {.file = -1, .text = "hello", .size = 0}).end, End::refused)
            << code;
        EXPECT_EQ(one.server.heads().size(), 1u);
        Redirector read{"/second", code};
        EXPECT_EQ(get(read.server.url("/first")).body, "/second") << code;
    }
    for (const char* code : {"300 Multiple Choices", "304 Not Modified", "305 Use Proxy", "306 Unused"}) {
        Redirector one{"/second", code};
        EXPECT_EQ(get(one.server.url("/first")).transfer.end, End::refused) << code;
        EXPECT_EQ(one.server.heads().size(), 1u);
    }
}

TEST(HttpClientRules, RedirectsAreCounted)
{
    Redirector one{"/first"};
    const auto got = get(one.server.url("/first"));
    EXPECT_EQ(got.transfer.end, End::refused);
    EXPECT_EQ(one.server.heads().size(), 6u);
}

TEST(HttpClientRules, CredentialsStayAtTheirOrigin)
{
    Redirector other{"/unused"};
    Redirector first{other.server.url("/second", "localhost")};
    const Headers secrets{
        {"AUTHORIZATION", "Bearer s"}, {"cookie", "c=1"}, {"Proxy-Authorization", "p"}, {"X-Plain", "1"}};
    EXPECT_EQ(get(first.server.url("/first"), false, secrets).body, "/second");
    EXPECT_NE(first.server.heads().at(0).find("AUTHORIZATION: Bearer s"), std::string::npos);
    const std::string away = other.server.heads().at(0);
    EXPECT_EQ(away.find("Bearer"), std::string::npos) << away;
    EXPECT_EQ(away.find("c=1"), std::string::npos);
    EXPECT_EQ(away.find("roxy-A"), std::string::npos);
    EXPECT_NE(away.find("X-Plain: 1"), std::string::npos);
    Redirector same{"/second"};
    get(same.server.url("/first"), false, secrets);
    EXPECT_NE(same.server.heads().at(1).find("AUTHORIZATION: Bearer s"), std::string::npos);
}

// --- the request

TEST(HttpClientRules, ARequestHasHostAndConnectionClose)
{
    Server server{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"};
    get(server.url("/a?b"));
    const auto head = server.heads().at(0);
    EXPECT_TRUE(head.starts_with("GET /a?b HTTP/1.1\r\nHost: 127.0.0.1:")) << head;
    EXPECT_NE(head.find("\r\nConnection: close\r\n"), std::string::npos);
    EXPECT_EQ(head.find("Content-Length"), std::string::npos);
    EXPECT_EQ(head.find("Transfer-Encoding"), std::string::npos);
    EXPECT_EQ(head.find("Expect"), std::string::npos);
}

} // namespace

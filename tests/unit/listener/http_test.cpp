#include "fixture.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace agenthost::test {
namespace {

using namespace std::chrono_literals;

class HttpTest : public ListenerTest {
protected:
    Script script;
};

TEST_F(HttpTest, PassesTheWholeRequestHeadToThePlugin)
{
    const int p = start();
    http(script, "/api/");
    Raw raw{p};
    const auto a = ask(
        raw,
        "GET /api//a%20b/./c?x=1&y=%20 HTTP/1.1\r\nHost: h\r\nX-One: 1\r\nx-one: 2\r\nAccept: */*\r\n\r\n");
    ASSERT_EQ(a.status, 200) << a.head;
    const json head = json::parse(a.body);
    EXPECT_EQ(head["method"], "GET");
    EXPECT_EQ(head["path"], "/api/a b/c");
    EXPECT_EQ(head["query"], "x=1&y=%20");
    EXPECT_EQ(head["headers"]["x-one"], "1, 2");
    EXPECT_EQ(head["headers"]["accept"], "*/*");
    EXPECT_EQ(head["listener"], "web");
    EXPECT_EQ(head["tls"], false);
    EXPECT_TRUE(head["peer"].get<std::string>().starts_with("127.0.0.1:"));
    EXPECT_FALSE(head.contains("length"));
    EXPECT_EQ(a.header("content-type"), "application/json");
    EXPECT_EQ(script.close_code(script.last()), 200);
}

TEST_F(HttpTest, KeepsTheConnectionAndServesPipelinedRequestsInOrder)
{
    const int p = start();
    http(script, "/");
    Raw raw{p};
    std::string many;
    for (int i = 0; i < 100; ++i) many += get("/n" + std::to_string(i));
    raw.send(many);
    for (int i = 0; i < 100; ++i) {
        const auto a = read_answer(raw);
        ASSERT_EQ(a.status, 200);
        EXPECT_EQ(json::parse(a.body)["path"], "/n" + std::to_string(i));
    }
    EXPECT_EQ(status().accepted, 1u);
    EXPECT_TRUE(wait_for([&] { return script.balanced(); }));
}

TEST_F(HttpTest, ReadsAHeadThatArrivesByteByByte)
{
    const int p = start();
    http(script, "/slow");
    Raw raw{p};
    for (char c : get("/slow")) raw.send({&c, 1});
    EXPECT_EQ(read_answer(raw).status, 200);
    EXPECT_EQ(ask(raw, "\r\n" + get("/slow")).status, 200); // an empty line before a request
}

TEST_F(HttpTest, ClosesWhenThePeerAsksForIt)
{
    const int p = start();
    http(script, "/");
    Raw raw{p};
    const auto a = ask(raw, get("/", "Connection: close\r\n"));
    EXPECT_EQ(a.header("connection"), "close");
    EXPECT_TRUE(raw.closed());
    Raw old{p};
    EXPECT_EQ(ask(old, "GET / HTTP/1.0\r\n\r\n").status, 200);
    EXPECT_TRUE(old.closed());
    Raw kept{p};
    EXPECT_EQ(ask(kept, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").header("connection"),
              "keep-alive");
    EXPECT_EQ(ask(kept, get("/")).status, 200);
}

TEST_F(HttpTest, AnswersHeadWithoutABodyAndSomeStatusesWithoutALength)
{
    const int p = start();
    script.request = [&](agh_conn c, const json& head) {
        if (head["path"] == "/none")
            answer(c, 204, {});
        else if (head["path"] == "/same")
            answer(c, 304, "ignored");
        else if (head["path"] == "/empty")
            answer(c, 200, {});
        else
            answer(c, 200, "body!");
    };
    http(script, "/");
    Raw raw{p};
    const auto head = ask(raw, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(head.header("content-length"), "5");
    const auto none = ask(raw, get("/none"));
    EXPECT_EQ(none.status, 204);
    EXPECT_EQ(none.header("content-length"), "");
    EXPECT_EQ(ask(raw, get("/same")).status, 304);
    const auto empty = ask(raw, get("/empty"));
    EXPECT_EQ(empty.header("content-length"), "0");
    EXPECT_EQ(ask(raw, get("/")).body, "body!"); // still in step
}

TEST_F(HttpTest, PrefersTheExactPathAndThenTheLongestPrefix)
{
    const int p = start();
    Script &root = new_script(), &api = new_script(), &exact = new_script();
    std::atomic<Script*> hit{nullptr};
    for (Script* s : {&root, &api, &exact}) {
        s->request = [&, s](agh_conn c, const json&) {
            hit = s;
            answer(c, 200, "");
        };
    }
    http(root, "/");
    http(api, "/api/");
    http(exact, "/api/agents");
    Raw raw{p};
    ask(raw, get("/x"));
    EXPECT_EQ(hit, &root);
    ask(raw, get("/api/agents/7"));
    EXPECT_EQ(hit, &api);
    ask(raw, get("/api/agents"));
    EXPECT_EQ(hit, &exact);
    const agh_route_api table = exact.api();
    EXPECT_EQ(
        listeners->route("other", R"({"listener":"web","kind":"http","path":"/api/agents"})", &table, &exact),
        AGH_E_BUSY);
    EXPECT_EQ(listeners->route("other", R"({"listener":"none","kind":"http","path":"/"})", &table, &exact),
              AGH_E_NOT_FOUND);
    EXPECT_EQ(listeners->route("other", R"({"listener":"web","kind":"ftp","path":"/"})", &table, &exact),
              AGH_E_INVALID);
    EXPECT_EQ(listeners->route("other", R"({"listener":"web","kind":"http"})", &table, &exact),
              AGH_E_INVALID);
}

TEST_F(HttpTest, AnswersUnknownPathsItselfAndKeepsTheConnection)
{
    const int p = start();
    http(script, "/known");
    Raw raw{p};
    const auto a = ask(raw, get("/unknown"));
    EXPECT_EQ(a.status, 404);
    EXPECT_EQ(json::parse(a.body)["error"]["code"], "NOT_FOUND");
    EXPECT_EQ(ask(raw, get("/known")).status, 200);
    EXPECT_EQ(script.requests(), 1u);
}

// Each of these could be read differently by a proxy in front of us: refused, and the connection with it.
TEST_F(HttpTest, RejectsHeadsThatCouldSmuggleARequest)
{
    const int p = start();
    http(script, "/");
    const std::string ok = "POST / HTTP/1.1\r\nHost: h\r\n";
    const std::vector<std::pair<std::string, std::string>> bad = {
        {"both lengths", ok + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        {"both lengths, other order",
         ok + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"},
        {"two lengths", ok + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde"},
        {"two equal lengths", ok + "Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd"},
        {"a list of lengths", ok + "Content-Length: 4, 4\r\n\r\nabcd"},
        {"a signed length", ok + "Content-Length: +4\r\n\r\nabcd"},
        {"a negative length", ok + "Content-Length: -4\r\n\r\nabcd"},
        {"a hex length", ok + "Content-Length: 0x4\r\n\r\nabcd"},
        {"a huge length", ok + "Content-Length: 99999999999999999999\r\n\r\n"},
        {"an empty length", ok + "Content-Length:\r\n\r\n"},
        {"identity and chunked", ok + "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n"},
        {"two encodings", ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n"},
        {"a tab before chunked's value", ok + "Transfer-Encoding: \x0b"
                                              "chunked\r\n\r\n0\r\n\r\n"},
        {"chunked in 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        {"a folded line", ok + "X: a\r\n b\r\n\r\n"},
        {"a space before the colon", ok + "Content-Length : 4\r\n\r\nabcd"},
        {"a line without a colon", ok + "nonsense\r\n\r\n"},
        {"a bare LF", ok + "X: a\nContent-Length: 4\r\n\r\nabcd"},
        {"a bare CR", ok + "X: a\rb\r\n\r\n"},
        {"a NUL", ok + "X: a" + std::string(1, '\0') + "b\r\n\r\n"},
        {"no Host", "GET / HTTP/1.1\r\n\r\n"},
        {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
        {"another version", "GET / HTTP/2.0\r\nHost: h\r\n\r\n"},
        {"an old version", "GET /\r\n\r\n"},
        {"a path that climbs", get("/a/../../etc/passwd")},
        {"an encoded climb", get("/a/%2e%2e/b")},
        {"an encoded NUL", get("/a%00b")},
        {"a bad escape", get("/a%zz")},
        {"a cut escape", get("/a%4")},
        {"no UTF-8", get("/a%ff%fe")},
        {"a tunnel", "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n"},
    };
    for (const auto& [what, request] : bad) {
        SCOPED_TRACE(what);
        Raw raw{p};
        raw.send(request);
        const auto a = read_answer(raw);
        EXPECT_EQ(a.status, 400) << a.head;
        EXPECT_EQ(a.header("connection"), "close");
        EXPECT_TRUE(raw.closed());
    }
    EXPECT_EQ(script.requests(), 0u);
}

TEST_F(HttpTest, RefusesAHeadBeyondTheLimit)
{
    auto c = config();
    c.header_bytes = 1000;
    const int p = start(c);
    http(script, "/");
    Raw fits{p};
    EXPECT_EQ(ask(fits, get("/", "X: " + std::string(900, 'x') + "\r\n")).status, 200);
    Raw whole{p};
    EXPECT_EQ(ask(whole, get("/", "X: " + std::string(2000, 'x') + "\r\n")).status, 431);
    Raw endless{p};
    std::string x(100'000, 'x');
    endless.send("GET / HTTP/1.1\r\nX: " + x);
    EXPECT_EQ(read_answer(endless).status, 431);
}

// A HEAD request's answer has no body; that of the next request on the connection has one.
TEST_F(HttpTest, RefusesALargeHeadWithABodyAfterAHeadRequest)
{
    auto c = config();
    c.header_bytes = 1000;
    const int p = start(c);
    http(script, "/");
    Raw raw{p};
    ASSERT_EQ(ask(raw, "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n").status, 200);
    const auto refused = ask(raw, get("/", "X: " + std::string(2000, 'x') + "\r\n"));
    EXPECT_EQ(refused.status, 431);
    EXPECT_NE(refused.body.find("HEADER_TOO_LARGE"), std::string::npos) << refused.head;
}

TEST_F(HttpTest, AnswersFromAnyThreadAndRefusesASecondAnswer)
{
    const int p = start();
    std::atomic<agh_conn> seen{0};
    script.request = [&](agh_conn c, const json&) { seen = c; };
    http(script, "/");
    Raw raw{p};
    raw.send(get("/"));
    ASSERT_TRUE(wait_for([&] { return seen != 0; }));
    EXPECT_TRUE(answer(seen, 201, "done"));
    EXPECT_EQ(listeners->answer(seen, 200, {}, nullptr), AGH_E_STALE);
    EXPECT_EQ(listeners->receive(seen, -1, 0, 10), AGH_E_STALE);
    const auto a = read_answer(raw);
    EXPECT_EQ(a.status, 201);
    EXPECT_EQ(a.body, "done");
    EXPECT_EQ(script.close_code(seen), 201);
    EXPECT_EQ(listeners->answer(seen, 200, {}, nullptr), AGH_E_STALE);
    EXPECT_EQ(listeners->close(seen, 0, {}), AGH_E_STALE);
    EXPECT_EQ(listeners->answer(0, 200, {}, nullptr), AGH_E_STALE);
    EXPECT_EQ(script.times_closed(seen), 1);
}

TEST_F(HttpTest, RejectsInvalidAnswerHeaders)
{
    const int p = start();
    std::vector<agh_status> results;
    script.request = [&](agh_conn c, const json&) {
        for (const char* headers :
             {R"({"x":"a\r\nSet-Cookie: b"})", R"({"x y":"a"})", R"({"x":1})", R"(["x"])", "{"}) {
            results.push_back(listeners->answer(c, 200, headers, nullptr));
        }
        results.push_back(listeners->answer(c, 99, {}, nullptr));
        answer(c, 200, "ok", R"({"Content-Length":"9999","Transfer-Encoding":"chunked","x-mine":"1"})");
    };
    http(script, "/");
    Raw raw{p};
    const auto a = ask(raw, get("/"));
    EXPECT_EQ(a.body, "ok");
    EXPECT_EQ(a.header("content-length"), "2");
    EXPECT_EQ(a.header("x-mine"), "1");
    EXPECT_EQ(a.header("transfer-encoding"), "");
    EXPECT_EQ(results, std::vector<agh_status>(6, AGH_E_INVALID));
}

TEST_F(HttpTest, CancelsWhenThePeerLeavesBeforeTheAnswer)
{
    const int p = start();
    script.request = [](agh_conn, const json&) {};
    http(script, "/");
    {
        Raw raw{p};
        raw.send(get("/"));
        ASSERT_TRUE(wait_for([&] { return script.requests() == 1; }));
    }
    EXPECT_EQ(script.close_code(script.last()), 0);
    EXPECT_TRUE(wait_for([&] { return status().connections == 0; }));
}

TEST_F(HttpTest, SendsAFileFromItsOffset)
{
    const int p = start();
    const std::string content = random_bytes(700'000, 5);
    write_file(dir / "file", content);
    script.request = [&](agh_conn c, const json& head) {
        agh_blob blob{};
        blob.size = sizeof blob;
        blob.fd = ::open((dir / "file").c_str(), O_RDONLY | O_CLOEXEC);
        blob.offset = 1000;
        blob.length = head["path"] == "/short" ? content.size() : content.size() - 1000;
        listeners->answer(c, 200, R"({"content-type":"application/octet-stream"})", &blob);
    };
    http(script, "/");
    Raw raw{p};
    for (int i = 0; i < 3; ++i) {
        const auto a = ask(raw, get("/file"));
        ASSERT_EQ(a.status, 200);
        EXPECT_TRUE(a.body == content.substr(1000));
    }
    EXPECT_EQ(ask(raw, "HEAD /file HTTP/1.1\r\nHost: h\r\n\r\n").header("content-length"),
              std::to_string(content.size() - 1000));
    raw.send(get("/short")); // the file is shorter than promised: the connection ends early, the peer sees it
    EXPECT_LT(read_answer(raw).body.size(), content.size());
    EXPECT_TRUE(wait_for([&] { return script.balanced(); }));
}

TEST_F(HttpTest, StreamsAnAnswerInChunks)
{
    const int p = start();
    std::atomic<agh_conn> conn{0};
    script.request = [&](agh_conn c, const json&) { conn = c; };
    http(script, "/");
    Raw raw{p};
    raw.send(get("/"));
    ASSERT_TRUE(wait_for([&] { return conn != 0; }));
    EXPECT_EQ(listeners->answer_chunk(conn, "too early"), AGH_E_STALE);
    ASSERT_EQ(listeners->answer_begin(conn, 200, R"({"content-type":"application/x-ndjson"})"), AGH_OK);
    const auto head = raw.until("\r\n\r\n"); // before any chunk: the peer knows that it runs
    EXPECT_NE(head.find("Transfer-Encoding: chunked"), std::string::npos);
    ASSERT_EQ(listeners->answer_chunk(conn, "first\n"), AGH_OK);
    EXPECT_EQ(raw.until("first\n\r\n"), "6\r\nfirst\n\r\n"); // at once, not at the end
    ASSERT_EQ(listeners->answer_chunk(conn, "second\n"), AGH_OK);
    ASSERT_EQ(listeners->answer_end(conn), AGH_OK);
    EXPECT_EQ(raw.until("0\r\n\r\n"), "7\r\nsecond\n\r\n0\r\n\r\n");
    EXPECT_EQ(script.close_code(conn), 200);
    EXPECT_EQ(listeners->answer_chunk(conn, "late"), AGH_E_STALE);
    raw.send(get("/"));
    EXPECT_TRUE(wait_for([&] { return script.requests() == 2; })); // keep-alive
}

TEST_F(HttpTest, PausesAStreamWhileThePeerDoesNotRead)
{
    const int p = start();
    std::atomic<agh_conn> conn{0};
    std::atomic<int> writable{0};
    script.request = [&](agh_conn c, const json&) {
        conn = c;
        listeners->answer_begin(c, 200, {});
    };
    script.writable = [&](agh_conn) { ++writable; };
    http(script, "/");
    Raw raw{p};
    raw.send(get("/"));
    ASSERT_TRUE(wait_for([&] { return conn != 0; }));
    const std::string piece(50'000, 'p');
    std::size_t taken = 0, busy = 0;
    ASSERT_TRUE(wait_for([&] {
        for (;;) {
            const auto status = listeners->answer_chunk(conn, piece);
            if (status == AGH_OK) {
                taken += piece.size();
                busy = 0;
                continue;
            }
            return ++busy > 20; // it stays busy
        }
    }));
    EXPECT_LT(taken, 20'000'000u);
    std::size_t read = 0;
    std::thread reader{[&] {
        while (read < taken && !raw.take(1'000).empty()) read += 1'000;
    }};
    EXPECT_TRUE(wait_for([&] { return writable > 0; }));
    reader.join();
    EXPECT_EQ(listeners->answer_end(conn), AGH_OK);
    EXPECT_EQ(script.close_code(conn), 200);
}

TEST_F(HttpTest, EndsAStreamWhenThePeerLeaves)
{
    const int p = start();
    script.request = [&](agh_conn c, const json&) { listeners->answer_begin(c, 200, {}); };
    http(script, "/");
    {
        Raw raw{p};
        raw.send(get("/"));
        raw.until("\r\n\r\n");
    }
    EXPECT_NE(script.close_code(script.last()), -1);
    EXPECT_EQ(listeners->answer_chunk(script.last(), "x"), AGH_E_STALE);
}

TEST_F(HttpTest, ServesAUnixSocketForItsOwnerOnly)
{
    const std::string path = (dir / "run/deep/control.sock").string();
    ASSERT_EQ(listeners->add_unix("control", path), "");
    http(script, "/v1/", "control");
    listeners->open();
    struct stat there {};
    ASSERT_EQ(::stat(path.c_str(), &there), 0);
    EXPECT_EQ(there.st_mode & 0777, 0600u);
    EXPECT_EQ(listeners->address("control"), "unix:" + path);
    Raw raw{path};
    const auto a = ask(raw, get("/v1/status"));
    EXPECT_EQ(json::parse(a.body)["peer"], "unix");
    const auto curl = run({"curl", "-sS", "--unix-socket", path, "http://localhost/v1/x"});
    EXPECT_EQ(json::parse(curl.out)["path"], "/v1/x");
}

TEST_F(HttpTest, TakesOverAStaleSocketFileButNeverALiveOne)
{
    const std::string path = (dir / "control.sock").string();
    ASSERT_EQ(listeners->add_unix("control", path), "");
    host::Listeners second{{&loops[0]->io}};
    EXPECT_NE(second.add_unix("control", path).find("another process listens there"), std::string::npos);
    EXPECT_EQ(listeners->remove("control"), "");
    EXPECT_FALSE(std::filesystem::exists(path));
    write_file(path, "precious");
    EXPECT_NE(second.add_unix("control", path).find("not a socket"), std::string::npos);
    EXPECT_EQ(read_file(path), "precious");
    std::filesystem::remove(path);
    const int left = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ASSERT_LT(path.size(), sizeof address.sun_path);
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(left, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::close(left);
    ASSERT_TRUE(std::filesystem::exists(path)); // a process that died left it
    EXPECT_EQ(second.add_unix("control", path), "");
    EXPECT_NE(second.add_unix("long", "/tmp/" + std::string(200, 'x')).find("longer than"),
              std::string::npos);
}

TEST_F(HttpTest, ReportsWhyItCannotBind)
{
    const int p = start();
    auto c = config();
    c.name = "again";
    c.bind = {"127.0.0.1:" + std::to_string(p)};
    const std::string problem = listeners->add(c);
    EXPECT_NE(problem.find("listener again: cannot listen on 127.0.0.1:" + std::to_string(p) +
                           ": the port is in use by "),
              std::string::npos)
        << problem;
    EXPECT_NE(problem.find("(pid " + std::to_string(::getpid()) + ")"), std::string::npos) << problem;
    c.bind = {"192.0.2.1:0"};
    c.insecure = true;
    EXPECT_NE(listeners->add(c).find("no interface of this machine"), std::string::npos);
    c.bind = {"nonsense"};
    EXPECT_NE(listeners->add(c).find("such as 127.0.0.1:3001"), std::string::npos);
    c.bind = {"0.0.0.0:0"};
    c.insecure = false;
    EXPECT_NE(listeners->add(c).find("insecure: true"), std::string::npos);
    c.bind = {"127.0.0.1:0"};
    c.tls = host::TlsServerConfig{.certificate = "/nowhere.pem", .key = "/nowhere.key"};
    EXPECT_NE(listeners->add(c).find("/nowhere.pem: No such file"), std::string::npos);
    EXPECT_NE(listeners->add(config()).find("used twice"), std::string::npos);
    EXPECT_NE(listeners->remove("other").find("no listener has this name"), std::string::npos);
}

TEST_F(HttpTest, AcceptsOnlyOnceOpened)
{
    ASSERT_EQ(listeners->add(config()), "");
    http(script, "/");
    Raw early{port()};
    early.send(get("/"));
    EXPECT_EQ(script.requests(), 0u); // waits in the backlog
    listeners->open();
    EXPECT_EQ(read_answer(early).status, 200);
}

// A loop that was stopped with a connection's work in its queue drops it when it is destroyed; the other loop
// is gone by then.
TEST_F(HttpTest, ConnectionsOfOneLoopHoldNothingOfAnother)
{
    const int p = start();
    http(script, "/");
    Raw one{p}, two{p}; // one on each loop, in turn
    ASSERT_EQ(ask(one, get("/")).status, 200);
    ASSERT_EQ(ask(two, get("/")).status, 200);
    for (const auto& loop : loops) loop->end();
    listeners.reset(); // aborts them: nobody runs what follows from it
    loops[0].reset();
    loops[1].reset();
}

} // namespace
} // namespace agenthost::test

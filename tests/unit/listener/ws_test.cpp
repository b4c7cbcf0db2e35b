#include "ws_frames.hpp"

#include <sys/socket.h>

#include <future>

namespace agenthost::test {
namespace {

using namespace std::chrono_literals;

class WebSocketListenerTest : public ListenerTest {
protected:
    // Upgrades all, echoes messages.
    void SetUp() override
    {
        script.request = [this](agh_conn c, const json&) {
            EXPECT_EQ(listeners->upgrade(c, R"({"x-hello":"you"})", limits), AGH_OK);
        };
        script.frame = [this](agh_conn c, int opcode, std::string_view data) {
            ++frames;
            listeners->send(c, opcode, data);
        };
    }
    Raw connect(int port)
    {
        Raw raw{port};
        const auto a = ask(raw, upgrade("/ws"));
        EXPECT_EQ(a.status, 101) << a.head << a.body;
        return raw;
    }
    Script script;
    std::string limits;
    std::atomic<int> frames{0};
};

TEST_F(WebSocketListenerTest, UpgradesAndEchoesTextAndBinary)
{
    const int p = start();
    ws(script, "/ws");
    Raw raw{p};
    const auto a = ask(raw, upgrade("/ws"));
    ASSERT_EQ(a.status, 101);
    EXPECT_EQ(a.header("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="); // RFC 6455, 1.3
    EXPECT_EQ(a.header("x-hello"), "you");
    EXPECT_EQ(a.header("server"), "agenthost"); // no library's name, no version
    raw.send(frame(1, "hello") + frame(2, std::string("\0\xff", 2)));
    Frame f = read_frame(raw);
    EXPECT_EQ(f.opcode, 1);
    EXPECT_EQ(f.payload, "hello");
    f = read_frame(raw);
    EXPECT_EQ(f.opcode, 2);
    EXPECT_EQ(f.payload, std::string("\0\xff", 2));
    EXPECT_EQ(status().websockets, 1u);
    raw.send(frame(8, "\x03\xe8"
                      "bye"));
    f = read_frame(raw);
    EXPECT_EQ(f.opcode, 8);
    EXPECT_EQ(f.code(), 1000);
    EXPECT_TRUE(raw.closed());
    EXPECT_EQ(script.close_code(script.last()), 1000);
    EXPECT_EQ(script.times_closed(script.last()), 1);
    EXPECT_TRUE(wait_for([&] { return status().websockets == 0 && status().connections == 0; }));
}

TEST_F(WebSocketListenerTest, JoinsFragmentsAndAnswersPingsBetweenThem)
{
    const int p = start();
    ws(script, "/ws");
    Raw raw = connect(p);
    const std::string all =
        frame(1, "one ", false) + frame(9, "ping!") + frame(0, "two ", false) + frame(0, "three");
    for (const char c : all) raw.send({&c, 1});
    Frame f = read_frame(raw);
    EXPECT_EQ(f.opcode, 10);
    EXPECT_EQ(f.payload, "ping!");
    f = read_frame(raw);
    EXPECT_EQ(f.payload, "one two three");
    EXPECT_EQ(frames, 1);
}

TEST_F(WebSocketListenerTest, ClosesOnEveryViolationWithTheRightCode)
{
    const int p = start();
    ws(script, "/ws");
    const std::vector<std::tuple<std::string, std::string, int>> bad = {
        {"invalid UTF-8", frame(1, "\xc3\x28"), 1007},
        {"UTF-8 cut at the end", frame(1, "\xe2\x82"), 1007},
        {"an unmasked frame", frame(1, "x", true, false), 1002},
        {"a reserved opcode", frame(3, "x"), 1002},
        {"a reserved bit", "\xc1\x81" + std::string(4, '\0') + "x", 1002},
        {"a continuation of nothing", frame(0, "x"), 1002},
        {"a message inside a message", frame(1, "x", false) + frame(1, "y"), 1002},
        {"a fragmented ping", frame(9, "x", false), 1002},
        {"a long ping", frame(9, std::string(126, 'x')), 1002},
        {"a close with one byte", frame(8, "x"), 1002},
        {"a close with a reserved code", frame(8, "\x03\xec"), 1002},
        {"a message beyond the limit", frame(1, std::string(5000, 'x')), 1009},
        {"fragments beyond the limit",
         frame(1, std::string(3000, 'x'), false) + frame(0, std::string(3000, 'x')), 1009},
    };
    for (const auto& [what, bytes, code] : bad) {
        SCOPED_TRACE(what);
        Raw raw = connect(p);
        raw.send(bytes);
        const Frame f = read_frame(raw);
        EXPECT_EQ(f.opcode, 8);
        EXPECT_EQ(f.code(), code);
        EXPECT_TRUE(raw.closed());
        raw.close();
        EXPECT_EQ(script.close_code(script.last()), code);
    }
    EXPECT_EQ(frames, 0);
}

TEST_F(WebSocketListenerTest, RaisesTheMessageLimitOnRequest)
{
    const int p = start();
    script.frame = [this](agh_conn c, int, std::string_view data) {
        if (data == "raise") {
            EXPECT_EQ(listeners->limits(c, R"({"message_bytes":2000000,"send_queue":4000000})"), AGH_OK);
            EXPECT_EQ(listeners->limits(c, R"({"message_bytes":"x"})"), AGH_E_INVALID);
            listeners->send(c, AGH_WS_TEXT, "raised");
        } else {
            listeners->send(c, AGH_WS_BINARY, data);
        }
    };
    ws(script, "/ws");
    Raw raw = connect(p);
    raw.send(frame(1, "raise"));
    EXPECT_EQ(read_frame(raw).payload, "raised");
    const std::string big = random_bytes(1'500'000, 4);
    std::thread sender{[&] { raw.send(frame(2, big)); }};
    EXPECT_TRUE(read_frame(raw).payload == big);
    sender.join();
}

TEST_F(WebSocketListenerTest, RejectsInvalidHandshakes)
{
    const int p = start();
    ws(script, "/ws");
    Raw plain{p};
    const auto a = ask(plain, get("/ws"));
    EXPECT_EQ(a.status, 426);
    EXPECT_EQ(a.header("upgrade"), "websocket");
    for (const char* headers : {"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "
                                "8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                                "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n",
                                "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
                                "dGhlIHNhbXBsZSBub25jZQ==\r\n"}) {
        Raw raw{p};
        EXPECT_EQ(ask(raw, get("/ws", headers)).status, 400) << headers;
    }
    EXPECT_EQ(script.requests(), 0u);
}

TEST_F(WebSocketListenerTest, CanBeRefusedBeforeTheUpgrade)
{
    const int p = start();
    script.request = [this](agh_conn c, const json& head) {
        EXPECT_EQ(head["headers"]["authorization"], "Bearer wrong");
        answer(c, 401, "no", R"({"www-authenticate":"Bearer"})");
    };
    ws(script, "/ws");
    Raw raw{p};
    const auto a = ask(raw, upgrade("/ws", "Authorization: Bearer wrong\r\n"));
    EXPECT_EQ(a.status, 401);
    EXPECT_EQ(a.header("www-authenticate"), "Bearer");
    EXPECT_EQ(script.close_code(script.last()), 401);
    EXPECT_EQ(listeners->upgrade(script.last(), {}, {}), AGH_E_STALE);
    Script& web = new_script();
    web.request = [this](agh_conn c, const json&) {
        EXPECT_EQ(listeners->upgrade(c, {}, {}), AGH_E_INVALID); // nobody asked for a WebSocket
        answer(c, 200, "ok");
    };
    http(web, "/web");
    Raw other{p};
    EXPECT_EQ(ask(other, get("/web")).status, 200);
    wait_for([&] { return web.balanced(); });
}

TEST_F(WebSocketListenerTest, ClosesAPeerThatSendsNothing)
{
    limits = R"({"idle_s":0.3,"ping_s":0.3})";
    const int p = start();
    ws(script, "/ws");
    Raw silent = connect(p);
    const Frame f = read_frame(silent);
    EXPECT_EQ(f.opcode, 8);
    EXPECT_EQ(f.code(), 1008);
    silent.send(frame(8, f.payload.substr(0, 2)));
    EXPECT_EQ(script.close_code(script.last()), 1008);
    Raw talks = connect(p);
    talks.send(frame(1, "here"));
    EXPECT_EQ(read_frame(talks).payload, "here");
    for (int i = 0; i < 3;
         ++i) { // the listener's own clock passes idle_s: it counts only until the first message
        const Frame ping = read_frame(talks);
        ASSERT_EQ(ping.opcode, 9);
        talks.send(frame(10, ping.payload));
    }
    talks.send(frame(1, "still"));
    EXPECT_EQ(read_frame(talks).payload, "still");
}

TEST_F(WebSocketListenerTest, DeliversAMessageWholeHoweverItIsCut)
{
    limits = R"({"message_bytes":1000000})";
    const int p = start();
    ws(script, "/ws");
    Raw raw = connect(p);
    for (const std::size_t size : {0U, 1U, 63U, 64U, 65U, 1536U, 70'000U, 999'999U}) {
        const std::string text(size, 'x');
        const std::string bytes = frame(1, text);
        const std::size_t cut = bytes.size() / 3;
        raw.send(bytes.substr(0, cut));
        raw.send(bytes.substr(cut));
        const Frame f = read_frame(raw);
        EXPECT_EQ(f.opcode, 1);
        EXPECT_EQ(f.payload.size(), size);
        EXPECT_TRUE(f.payload == text) << size;
    }
    raw.send(frame(1, "in ", false) + frame(9, "p") + frame(0, "three ", false) + frame(0, "parts"));
    EXPECT_EQ(read_frame(raw).opcode, 10);
    EXPECT_EQ(read_frame(raw).payload, "in three parts");
}

TEST_F(WebSocketListenerTest, PingsAndDropsAPeerThatIsGone)
{
    limits = R"({"ping_s":0.3,"idle_s":0})";
    const int p = start();
    ws(script, "/ws");
    Raw alive = connect(p);
    for (int i = 0; i < 5; ++i) {
        const Frame f = read_frame(alive);
        ASSERT_EQ(f.opcode, 9);
        alive.send(frame(10, f.payload));
    }
    EXPECT_EQ(script.times_closed(script.last()), 0);
    Raw dead = connect(p); // reads nothing, answers nothing
    const auto conn = script.last();
    EXPECT_EQ(script.close_code(conn), 1006);
}

TEST_F(WebSocketListenerTest, ClosesASilentPeerButNotOneThatAnswersPings)
{
    limits = R"({"ping_s":0.2,"silent_s":1,"idle_s":0})";
    const int p = start();
    ws(script, "/ws");
    Raw alive = connect(p);
    const auto first = script.last();
    for (int i = 0; i < 10; ++i) { // for two seconds
        const Frame f = read_frame(alive);
        ASSERT_EQ(f.opcode, 9);
        alive.send(frame(10, f.payload));
    }
    EXPECT_EQ(script.times_closed(first), 0);
    limits = R"({"ping_s":0,"silent_s":1,"idle_s":0})";
    Raw silent = connect(p);
    const auto conn = script.last();
    EXPECT_EQ(script.close_code(conn), 1006);
}

TEST_F(WebSocketListenerTest, CompressesLargeMessagesIfBothEndsAgree)
{
    limits = R"({"compress_from":1000,"ping_s":0,"idle_s":0})";
    const int p = start();
    ws(script, "/ws");
    const std::string large(50'000, 'x'), small(900, 'x');
    Raw raw{p};
    const auto a = ask(raw, upgrade("/ws", "Sec-WebSocket-Extensions: permessage-deflate\r\n"));
    ASSERT_EQ(a.status, 101);
    EXPECT_NE(a.head.find("permessage-deflate"), a.head.npos) << a.head;
    EXPECT_EQ(listeners->send(script.last(), AGH_WS_TEXT, large), AGH_OK);
    EXPECT_EQ(listeners->send(script.last(), AGH_WS_TEXT, small), AGH_OK);
    std::size_t bytes = 0;
    for (Frame f = read_frame(raw);; f = read_frame(raw)) {
        ASSERT_NE(f.opcode, -1);
        if (f.payload == small) break;
        bytes += f.payload.size();
    }
    EXPECT_LT(bytes, 2000U);
    EXPECT_GT(bytes, 0U);
    Raw plain = connect(p); // does not offer it
    EXPECT_EQ(listeners->send(script.last(), AGH_WS_TEXT, large), AGH_OK);
    EXPECT_EQ(read_frame(plain).payload, large);
    limits = R"({"ping_s":0,"idle_s":0})"; // nobody asked for it
    Raw off{p};
    EXPECT_EQ(
        ask(off, upgrade("/ws", "Sec-WebSocket-Extensions: permessage-deflate\r\n")).head.find("deflate"),
        std::string::npos);
}

TEST_F(WebSocketListenerTest, ReportsALostPeer)
{
    const int p = start();
    ws(script, "/ws");
    {
        Raw raw = connect(p);
    }
    EXPECT_EQ(script.close_code(script.last()), 1006);
    EXPECT_EQ(listeners->send(script.last(), AGH_WS_TEXT, "late"), AGH_E_STALE);
    EXPECT_EQ(listeners->limits(script.last(), "{}"), AGH_E_STALE);
    EXPECT_EQ(listeners->pause(script.last(), true), AGH_E_STALE);
    EXPECT_EQ(listeners->upgrade(script.last(), {}, {}), AGH_E_STALE);
}

TEST_F(WebSocketListenerTest, ClosesAfterTheQueuedMessages)
{
    const int p = start();
    script.frame = [this](agh_conn c, int, std::string_view) {
        for (int i = 0; i < 10; ++i) listeners->send(c, AGH_WS_TEXT, "queued " + std::to_string(i));
        EXPECT_EQ(listeners->close(c, 4001, "enough"), AGH_OK);
    };
    ws(script, "/ws");
    Raw raw = connect(p);
    raw.send(frame(1, "go"));
    for (int i = 0; i < 10; ++i) EXPECT_EQ(read_frame(raw).payload, "queued " + std::to_string(i));
    const Frame f = read_frame(raw);
    EXPECT_EQ(f.opcode, 8);
    EXPECT_EQ(f.code(), 4001);
    EXPECT_EQ(f.payload.substr(2), "enough");
    raw.send(frame(8, f.payload.substr(0, 2)));
    EXPECT_TRUE(raw.closed());
    EXPECT_EQ(script.close_code(script.last()), 4001);
}

// What it says meanwhile goes nowhere, and does not get in the way of the close.
TEST_F(WebSocketListenerTest, ClosesAPeerThatKeepsSendingAfterAClose)
{
    const int p = start();
    for (int i = 0; i < 10; ++i) {
        std::promise<void> arrived, go;
        script.frame = [&](agh_conn, int, std::string_view data) {
            if (data != "wait") return;
            arrived.set_value();
            go.get_future().wait();
        };
        ws(script, "/ws" + std::to_string(i));
        Raw raw{p};
        ASSERT_EQ(ask(raw, upgrade("/ws" + std::to_string(i))).status, 101);
        raw.send(frame(1, "wait"));
        arrived.get_future().wait(); // the loop stands; when it goes on it finds all of this
        std::string more;
        for (int n = 0; n < i; ++n) more += frame(1, "small");
        for (int n = 0; n < 5; ++n) more += frame(1, std::string(230, 'x'));
        raw.send(more);
        EXPECT_EQ(listeners->close(script.last(), 4002, "enough"), AGH_OK);
        go.set_value();
        EXPECT_EQ(read_frame(raw).code(), 4002);
        for (std::size_t n = 0; n < 100; ++n) raw.send(frame(1, std::string(n * 17, 'x')));
        raw.send(frame(8, "\x0f\xa2"));
        EXPECT_TRUE(raw.closed());
        EXPECT_EQ(script.close_code(script.last()), 4002);
    }
}

TEST_F(WebSocketListenerTest, DropsAPeerThatDoesNotAnswerAClose)
{
    const int p = start();
    ws(script, "/ws");
    Raw raw = connect(p);
    EXPECT_EQ(listeners->close(script.last(), 1000, {}), AGH_OK);
    EXPECT_EQ(script.close_code(script.last()), 1006) << "after 5 s; our own code means that it has answered";
    EXPECT_EQ(read_frame(raw).code(), 1000);
    EXPECT_TRUE(raw.closed());
}

TEST_F(WebSocketListenerTest, ReportsBusyIfTheQueueIsFullAndWritableLater)
{
    limits = R"({"send_queue":100000,"ping_s":0,"idle_s":0})";
    const int p = start();
    std::atomic<int> writable{0};
    script.writable = [&](agh_conn) { ++writable; };
    ws(script, "/ws");
    Raw raw = connect(p);
    const std::string piece(10'000, 'q');
    int sent = 0, busy = 0;
    ASSERT_TRUE(wait_for([&] {
        while (listeners->send(script.last(), AGH_WS_TEXT, piece) == AGH_OK) {
            ++sent;
            busy = 0;
        }
        return ++busy > 20;
    }));
    EXPECT_EQ(listeners->send(script.last(), AGH_WS_TEXT, piece), AGH_E_BUSY);
    const int before = writable;
    for (int i = 0; i < sent; ++i)
        ASSERT_EQ(read_frame(raw).payload.size(), piece.size()) << i; // nothing lost, nothing doubled
    EXPECT_TRUE(wait_for([&] { return writable > before; }));
    EXPECT_EQ(listeners->send(script.last(), AGH_WS_TEXT, "last"), AGH_OK);
    EXPECT_EQ(read_frame(raw).payload, "last");
    ASSERT_TRUE(wait_for([&] { // an empty queue takes any one piece
        return listeners->send(script.last(), AGH_WS_TEXT, std::string(200'000, 'x')) == AGH_OK;
    }));
    EXPECT_EQ(read_frame(raw).payload.size(), 200'000u);
    EXPECT_EQ(listeners->send(script.last(), 7, "x"), AGH_E_INVALID);
}

TEST_F(WebSocketListenerTest, PauseStopsReadingAndSlowsTheSender)
{
    limits = R"({"message_bytes":100000,"ping_s":0,"idle_s":0})";
    const int p = start();
    script.frame = [&](agh_conn, int, std::string_view) { ++frames; };
    ws(script, "/ws");
    Raw raw = connect(p);
    raw.send(frame(1, "one"));
    ASSERT_TRUE(wait_for([&] { return frames == 1; }));
    EXPECT_EQ(listeners->pause(script.last(), true), AGH_OK);
    const std::string piece = frame(2, std::string(50'000, 'p'));
    std::size_t stuck = 0, sent = 0;
    for (; stuck == 0 && sent < 1000; ++sent) { // until the kernel takes no more
        std::string_view left = piece;
        while (!left.empty()) {
            const ssize_t n = ::send(raw.fd(), left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (n > 0) {
                left.remove_prefix(static_cast<std::size_t>(n));
            } else if (!wait_for(
                           [&] {
                               return ::send(raw.fd(), left.data(), 1, MSG_NOSIGNAL | MSG_DONTWAIT) == 1 &&
                                      (left.remove_prefix(1), true);
                           },
                           300ms)) {
                stuck = left.size();
                break;
            }
        }
        if (stuck) break;
    }
    ASSERT_GT(stuck, 0u);
    EXPECT_LE(frames, 3); // one under way may still come
    EXPECT_EQ(listeners->pause(script.last(), false), AGH_OK);
    ASSERT_TRUE(raw.send(std::string_view{piece}.substr(piece.size() - stuck)));
    EXPECT_TRUE(wait_for([&] { return frames == static_cast<int>(sent) + 2; })) << frames << " " << sent;
}

TEST_F(WebSocketListenerTest, DrainSendsACloseFrame)
{
    const int p = start();
    ws(script, "/ws");
    Raw raw = connect(p);
    raw.send(frame(1, "x"));
    read_frame(raw);
    std::atomic<bool> done{false};
    listeners->drain(20s, [&] { done = true; });
    const Frame f = read_frame(raw);
    EXPECT_EQ(f.opcode, 8);
    EXPECT_EQ(f.code(), 1001);
    raw.send(frame(8, f.payload.substr(0, 2)));
    EXPECT_TRUE(wait_for([&] { return done.load(); }));
    EXPECT_EQ(script.close_code(script.last()), 1001);
}

TEST_F(WebSocketListenerTest, ForgetDuringTrafficMakesNoLaterCalls)
{
    const int p = start();
    for (int round = 0; round < 5; ++round) {
        auto mine = std::make_unique<Script>();
        mine->request = [this](agh_conn c, const json&) { listeners->upgrade(c, {}, {}); };
        mine->frame = [this](agh_conn c, int opcode, std::string_view data) {
            listeners->send(c, opcode, data);
        };
        route(R"({"listener":"web","kind":"ws","path":"/mine"})", *mine, "mine");
        std::vector<std::thread> clients;
        std::atomic<int> echoed{0};
        for (int i = 0; i < 4; ++i) {
            clients.emplace_back([&] {
                Raw raw{p};
                ask(raw, upgrade("/mine"));
                for (;;) {
                    if (!raw.send(frame(1, "traffic"))) break;
                    if (read_frame(raw).opcode != 1) break;
                    ++echoed;
                }
            });
        }
        EXPECT_TRUE(wait_for([&] { return echoed > 50; }));
        listeners->forget("mine");
        EXPECT_TRUE(mine->balanced());
        mine.reset();
        for (auto& client : clients) client.join();
    }
}

TEST_F(WebSocketListenerTest, WorksWithNodesClientPlainAndWithTls)
{
    start();
    auto secure = config();
    secure.name = "secure";
    secure.tls = host::TlsServerConfig{.certificate = (certificates() / "server.pem").string(),
                                       .key = (certificates() / "server.key").string()};
    start(secure);
    limits = R"({"message_bytes":1000000,"send_queue":40000000})";
    ws(script, "/ws");
    ws(script, "/ws", "secure");
    static constexpr std::string_view program = R"(
const WebSocket = require('ws'), fs = require('fs'), assert = require('assert');
const ws = new WebSocket(process.argv[2], { ca: fs.readFileSync(process.argv[3]), perMessageDeflate: true });
const total = 300, payload = i => Buffer.alloc(i * 97 % 200000, i);
let got = 0;
ws.on('open', () => { for (let i = 0; i < total; i++) ws.send(payload(i)); });
ws.on('message', m => { assert(m.equals(payload(got))); if (++got === total) ws.close(4321, 'done'); });
ws.on('close', (code) => { console.log('echoed', got, 'closed', code); });
ws.on('error', e => { console.log('error', e.message); process.exit(1); });
)";
    write_file(dir / "client.js", program);
    for (const char* name : {"web", "secure"}) {
        SCOPED_TRACE(name);
        const std::string url = (std::string{name} == "web" ? "ws://127.0.0.1:" : "wss://127.0.0.1:") +
                                std::to_string(port(name)) + "/ws";
        const auto ran =
            run({"node", (dir / "client.js").string(), url, (certificates() / "ca.pem").string()},
                {{"NODE_PATH", "/usr/share/nodejs"}});
        EXPECT_EQ(ran.out, "echoed 300 closed 4321\n") << ran.err;
        EXPECT_EQ(script.close_code(script.last()), 4321);
    }
}

} // namespace
} // namespace agenthost::test

// FakeHost against a real plugin library: sdk_probe, built by agenthost_add_plugin and loaded as the host
// would.
#include <agenthost/listener.hpp>
#include <agenthost/plugin.hpp>
#include <agenthost/testing/fake_host.hpp>
#include <agenthost/testing/load.hpp>

#include "tests/support/support.hpp"

#include <gtest/gtest.h>

namespace {

using agenthost::testing::FakeHost;
using agenthost::testing::FakeReply;

const agh_entry_v1& probe()
{
    return agenthost::testing::load_entry(agenthost::test::binary_dir() / "tests/plugins/sdk_probe.so");
}

TEST(PluginLibrary, CarriesItsManifestByteForByte)
{
    const std::string file =
        agenthost::test::read_file(agenthost::test::binary_dir() / "tests/plugins/sdk_probe.manifest.json");
    EXPECT_EQ(agenthost::to_view(probe().manifest), file);
    EXPECT_EQ(file, agenthost::test::read_file(agenthost::test::source_dir() /
                                               "tests/unit/sdk/probe/manifest.json"));
    EXPECT_EQ(probe().abi_major, AGH_ABI_MAJOR);
    EXPECT_EQ(probe().size, sizeof(agh_entry_v1));
}

TEST(PluginLibrary, ExportsOneSymbol)
{
    const auto ran = agenthost::test::run(
        {"nm", "-D", "--defined-only", agenthost::test::binary_dir() / "tests/plugins/sdk_probe.so"});
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_EQ(std::count(ran.out.begin(), ran.out.end(), '\n'), 1) << ran.out;
    EXPECT_NE(ran.out.find(AGH_ENTRY_SYMBOL), std::string::npos);
}

TEST(FakeHost, ReturnsThePluginsAnswer)
{
    FakeHost host{probe()};
    EXPECT_EQ(host.call("sdk_probe.echo", R"({"a":"b"})").json, R"({"a":"b"})");
    EXPECT_EQ(host.call("sdk_probe.fail").code(), "DISK_FULL");
}

TEST(FakeHost, ShowsTheRequestToThePlugin)
{
    FakeHost host{probe()};
    const auto reply = host.call(
        "sdk_probe.describe", "{}",
        {.target = "t", .caller = R"({"server":"s"})", .timeout = std::chrono::hours{1}, .repeat = true});
    EXPECT_EQ(
        reply.json,
        R"({"action":"sdk_probe.describe","target":"t","caller":{"server":"s"},"repeat":true,"deadline":true,"blobs":0})");
}

TEST(FakeHost, CancelsAndKeepsProgress)
{
    FakeHost host{probe()};
    const agh_req id = host.invoke("sdk_probe.keep");
    EXPECT_EQ(host.progress(id).size(), 1u);
    host.cancel(id);
    EXPECT_EQ(host.wait_reply(id).message(), "cancelled, as asked");
}

TEST(FakeHost, LetsADeadlinePass)
{
    FakeHost host{probe()};
    EXPECT_EQ(host.call("sdk_probe.poll", "{}", {.timeout = std::chrono::milliseconds{5}}).json,
              R"("saw it")");
}

TEST(FakeHost, PushesBackOnStreams)
{
    FakeHost host{probe()};
    host.start();
    host.stream_budget(25'000);
    const agh_req id = host.invoke("sdk_probe.stream", R"({"bytes":45000})");
    EXPECT_FALSE(host.reply(id));
    EXPECT_EQ(host.streamed(id).size(), 20'000u);
    host.more_stream(id, 15'000);
    EXPECT_EQ(host.streamed(id).size(), 30'000u);
    host.more_stream(id, 100'000);
    EXPECT_EQ(host.wait_reply(id).json, R"({"busy":2})");
    EXPECT_EQ(host.streamed(id).size(), 45'000u);
    EXPECT_TRUE(host.mistakes().empty());
}

TEST(FakeHost, CarriesBlobsBothWays)
{
    FakeHost host{probe()};
    const std::string in = "some bytes";
    agh_blob blob{.size = sizeof(agh_blob), .fd = -1, .length = in.size(), .inl = agenthost::to_bytes(in)};
    const FakeReply reply = host.call("sdk_probe.blob", "{}", {.blobs = {blob}});
    EXPECT_EQ(reply.json, R"("some bytes")");
    ASSERT_EQ(reply.blobs.size(), 2u);
    EXPECT_EQ(reply.blobs[0].bytes, "back:some bytes");
    EXPECT_EQ(reply.blobs[0].media_type, "text/plain");
    EXPECT_EQ(reply.blobs[1].bytes, "inline");
}

TEST(FakeHost, OffersEveryService)
{
    FakeHost host{probe()};
    host.log_level = AGH_LOG_DEBUG;
    const FakeReply reply = host.call("sdk_probe.services");
    EXPECT_EQ(reply.json, "{\"state\":" + agenthost::json_string(host.state_directory().native()) +
                              R"(,"metric":true,"emit":0,"trace":false,"listener":true,"unknown":false})");
    ASSERT_EQ(host.logs().size(), 1u);
    EXPECT_EQ(host.logs()[0].fields, R"({"n":1})");
    EXPECT_EQ(host.facts().at("probe"), R"({"on":true})");
    EXPECT_EQ(host.metrics().at("seen_total"), 5);
    ASSERT_EQ(host.events().size(), 1u);
    EXPECT_EQ(host.events()[0].blobs[0].bytes, "event bytes");
    EXPECT_EQ(host.call("sdk_probe.tick").json, "1");
}

TEST(FakeHost, AnswersCallsFromTheTest)
{
    FakeHost host{probe()};
    EXPECT_EQ(host.call("sdk_probe.call", R"({"p":1})").message(), "DENIED");
    host.on_call = [](std::string_view action, std::string_view params) {
        return FakeReply{.json = "[\"" + std::string{action} + "\"," + std::string{params} + "]"};
    };
    EXPECT_EQ(host.call("sdk_probe.call", R"({"p":1})").json,
              R"({"status":0,"json":["other.action",{"p":1}]})");
}

TEST(FakeHost, RejectsWhatTheHostWouldReject)
{
    FakeHost refused_create{probe(), R"({"refuse_create":1})"},
        refused_start{probe(), R"({"refuse_start":1})"};
    EXPECT_EQ(refused_create.start().code, "PROBE_CREATE");
    EXPECT_EQ(refused_start.start().code, "PROBE_START");
    EXPECT_THROW(refused_start.call("sdk_probe.echo"), std::runtime_error);
    FakeHost host{probe(), R"({"sick":1})"};
    host.start();
    EXPECT_TRUE(host.configure("{}").ok());
    EXPECT_EQ(host.configure("bad").code, "PROBE_CONFIG");
    EXPECT_EQ(host.health().status, AGH_E_BUSY);
    host.invoke("sdk_probe.keep");
    EXPECT_TRUE(host.drain());
}

// A plugin with routes, and the test as its peers.
class Pages : public agenthost::Plugin, agenthost::RouteHandler {
public:
    explicit Pages(agenthost::Context& ctx) : listener_{ctx} {}
    void start() override
    {
        for (const char* route : {R"({"listener":"hub","kind":"http","prefix":"/files/"})",
                                  R"({"listener":"hub","kind":"http","path":"/throw"})",
                                  R"({"listener":"hub","kind":"ws","path":"/ws"})"}) {
            if (listener_.route(route, *this) != AGH_OK) throw agenthost::Error{"ROUTE", route};
        }
        if (listener_.route(R"({"listener":"none","kind":"ws","path":"/ws"})", *this) != AGH_E_NOT_FOUND ||
            listener_.route(R"({"listener":"hub","kind":"ws","path":"/ws"})", *this) != AGH_E_BUSY) {
            throw agenthost::Error{"ROUTE", "not refused"};
        }
    }
    void on_request(agh_conn conn, std::string_view head) override
    {
        if (head.find("/throw") != head.npos) throw std::runtime_error{"in on_request"};
        if (head.find("\"/ws\"") != head.npos)
            listener_.upgrade(conn, "{}", R"({"message_bytes":10})");
        else if (head.find("\"PUT\"") != head.npos)
            listener_.receive(conn, 10);
        else
            listener_.answer(conn, 200, R"({"content-type":"text/plain"})", "hello");
    }
    void on_body(agh_conn conn, const Body& body) override
    {
        if (body.status == AGH_OK)
            listener_.answer(conn, 201, "{}",
                             std::string{body.data} + "/" + std::to_string(body.sha256.size()));
    }
    void on_frame(agh_conn conn, int, std::string_view bytes) override
    {
        if (bytes == "throw") throw std::runtime_error{"in on_frame"};
        if (listener_.send_text(conn, bytes) == AGH_E_BUSY) listener_.pause(conn, true);
    }
    void on_writable(agh_conn conn) override { listener_.pause(conn, false); }
    void on_closed(agh_conn conn, int) override { stale = listener_.send_text(conn, "x") == AGH_E_STALE; }
    static inline bool stale = false;

private:
    agenthost::Listener listener_;
};

TEST(FakeListener, PlaysThePeers)
{
    static constexpr agh_entry_v1 entry = agenthost::detail::entry_of<Pages>({});
    FakeHost host{entry};
    ASSERT_TRUE(host.start().ok());
    auto& net = host.listener;

    EXPECT_EQ(net.exchange(net.request("GET", "/files/x")).body, "hello");
    EXPECT_EQ(net.exchange(net.request("GET", "/throw")).status, 500);
    EXPECT_TRUE(host.logged("in on_request"));
    EXPECT_THROW(net.request("GET", "/nothing"), std::runtime_error);

    const agh_conn put = net.request("PUT", "/files/x");
    EXPECT_TRUE(net.exchange(put).receiving);
    net.body(put, "content");
    EXPECT_EQ(net.exchange(put).body, "content/32");
    const agh_conn large = net.request("PUT", "/files/x");
    net.body(large, "content beyond");
    EXPECT_EQ(net.exchange(large).status, 0); // the host's to answer

    const agh_conn ws = net.websocket("/ws");
    ASSERT_TRUE(net.exchange(ws).upgraded());
    net.frame(ws, "one");
    ASSERT_EQ(net.exchange(ws).sent.size(), 1u);
    net.send_budget(0);
    net.frame(ws, "two");
    EXPECT_TRUE(net.exchange(ws).paused);
    net.writable(ws);
    EXPECT_FALSE(net.exchange(ws).paused);
    net.frame(ws, "throw");
    EXPECT_EQ(net.exchange(ws).close_code, 1011);
    net.closed(ws, 1011);
    EXPECT_TRUE(Pages::stale);
}

TEST(FakeListener, IsAbsentWithoutThePermission)
{
    static constexpr agh_entry_v1 entry = agenthost::detail::entry_of<Pages>({});
    FakeHost host{entry};
    host.listener_permitted = false;
    EXPECT_EQ(host.start().code, "ROUTE");
}

TEST(FakeSha256, KnowsThePublishedSums)
{
    const auto hex = [](const std::string& raw) {
        std::string out;
        for (const unsigned char c : raw)
            out += "0123456789abcdef"[c >> 4], out += "0123456789abcdef"[c & 15];
        return out;
    };
    for (const std::size_t size : {0u, 3u, 55u, 56u, 64u, 1000u}) {
        const std::string text(size, 'a');
        EXPECT_EQ(hex(agenthost::testing::sha256(text)), agenthost::test::sha256_hex(text)) << size;
    }
}

} // namespace

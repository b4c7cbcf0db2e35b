// One plugin, the same promises, in this process and behind the socketpair: what a server sees does not
// depend on `isolation`.
#include "isolated.hpp"

#include <gtest/gtest.h>

namespace {

using agenthost::testing::FakeHost;
using agenthost::testing::FakeReply;
using namespace std::chrono_literals;

class Isolation : public testing::TestWithParam<bool> {
protected:
    const agh_entry_v1& probe() { return GetParam() ? isolated_.entry() : in_process_probe(); }
    Isolated isolated_;
};
INSTANTIATE_TEST_SUITE_P(Both, Isolation, testing::Bool(),
                         [](const auto& info) { return info.param ? "Process" : "InProcess"; });

TEST_P(Isolation, ReturnsThePluginsAnswer)
{
    FakeHost host{probe()};
    EXPECT_EQ(host.call("sdk_probe.echo", R"({"a":"b"})").json, R"({"a":"b"})");
    const FakeReply failed = host.call("sdk_probe.fail");
    EXPECT_EQ(failed.json, R"({"code":"DISK_FULL","message":"no space","detail":"on /x","data":{"free":0}})");
    EXPECT_EQ(failed.flags, AGH_REPLY_NOT_STARTED);
    EXPECT_EQ(host.call("sdk_probe.throw").message(), "thrown in a handler");
    EXPECT_EQ(host.call("sdk_probe.drop").message(), "the plugin dropped the request");
    EXPECT_EQ(host.call("sdk_probe.nothing").code(), "UNKNOWN_ACTION");
    EXPECT_TRUE(host.mistakes().empty());
}

TEST_P(Isolation, PassesTheWholeRequest)
{
    FakeHost host{probe()};
    const auto reply =
        host.call("sdk_probe.describe", "{}",
                  {.target = "t", .caller = R"({"server":"s"})", .timeout = 1h, .repeat = true});
    EXPECT_EQ(
        reply.json,
        R"({"action":"sdk_probe.describe","target":"t","caller":{"server":"s"},"repeat":true,"deadline":true,"blobs":0})");
}

TEST_P(Isolation, CarriesALargeRequest)
{
    FakeHost host{probe()};
    const std::string params = "{\"text\":\"" + std::string(3'000'000, 'x') + "\"}";
    EXPECT_EQ(host.call("sdk_probe.echo", params).json, params);
}

TEST_P(Isolation, AnswersConcurrentRequests)
{
    FakeHost host{probe()};
    std::vector<agh_req> ids;
    for (int i = 0; i < 500; ++i)
        ids.push_back(host.invoke("sdk_probe.echo", "{\"i\":" + std::to_string(i) + "}"));
    for (int i = 0; i < 500; ++i)
        EXPECT_EQ(host.wait_reply(ids[i]).json, "{\"i\":" + std::to_string(i) + "}");
}

TEST_P(Isolation, CancelsThroughTheCallback)
{
    FakeHost host{probe()};
    const agh_req id = host.invoke("sdk_probe.keep");
    EXPECT_TRUE(host.wait([&] { return host.progress(id).size() == 1; }));
    host.cancel(id);
    EXPECT_EQ(host.wait_reply(id).message(), "cancelled, as asked");
}

TEST_P(Isolation, ShowsACancelToAPollingHandler)
{
    FakeHost host{probe()};
    const agh_req id = host.invoke("sdk_probe.poll");
    EXPECT_TRUE(host.wait([&] { return host.progress(id).size() == 1; }));
    EXPECT_FALSE(host.reply(id));
    host.cancel(id);
    EXPECT_EQ(host.wait_reply(id).json, R"("saw it")");
}

TEST_P(Isolation, ShowsTheDeadlineToARequestThatPolls)
{
    FakeHost host{probe()};
    EXPECT_EQ(host.call("sdk_probe.poll", "{}", {.timeout = 20ms}).json, R"("saw it")");
}

TEST_P(Isolation, AppliesBackpressureToOutput)
{
    FakeHost host{probe()};
    ASSERT_TRUE(host.start().ok());
    host.stream_budget(25'000);
    const agh_req id = host.invoke("sdk_probe.stream", R"({"bytes":1000000})");
    EXPECT_TRUE(host.wait([&] { return host.streamed(id).size() == 20'000; }));
    EXPECT_FALSE(host.reply(id));
    for (std::size_t budget = 100'000; !host.reply(id); budget = 100'000) {
        const std::size_t before = host.streamed(id).size();
        host.more_stream(id, budget);
        EXPECT_TRUE(host.wait([&] { return host.reply(id) || host.streamed(id).size() > before; }));
    }
    EXPECT_TRUE(host.wait_reply(id).ok()) << host.wait_reply(id).json;
    const std::string all = host.streamed(id);
    ASSERT_EQ(all.size(), 1'000'000u);
    for (std::size_t piece = 0; piece < 100; ++piece) {
        ASSERT_EQ(all.substr(piece * 10'000, 10'000),
                  std::string(10'000, static_cast<char>('a' + piece % 26)));
    }
    EXPECT_TRUE(host.mistakes().empty());
}

TEST_P(Isolation, CarriesDescriptorsBothWays)
{
    FakeHost host{probe()};
    const int fd = ::memfd_create("in", MFD_CLOEXEC);
    ASSERT_EQ(::write(fd, "0123456789", 10), 10);
    agh_blob blob{.size = sizeof(agh_blob), .fd = fd, .offset = 2, .length = 5};
    for (int i = 0; i < 50; ++i) {
        const FakeReply reply = host.call("sdk_probe.blob", "{}", {.blobs = {blob}});
        EXPECT_EQ(reply.json, R"("23456")");
        ASSERT_EQ(reply.blobs.size(), 2u);
        EXPECT_EQ(reply.blobs[0].bytes, "back:23456");
        EXPECT_EQ(reply.blobs[0].media_type, "text/plain");
        EXPECT_EQ(reply.blobs[1].bytes, "inline");
    }
    EXPECT_EQ(::lseek(fd, 0, SEEK_END), 10); // still ours
    ::close(fd);
}

TEST_P(Isolation, OffersTheServices)
{
    FakeHost host{probe()};
    host.log_level = AGH_LOG_DEBUG;
    host.listener_permitted = false;
    const FakeReply reply = host.call("sdk_probe.services");
    EXPECT_EQ(reply.json, "{\"state\":" + agenthost::json_string(host.state_directory().native()) +
                              R"(,"metric":true,"emit":0,"trace":false,"listener":false,"unknown":false})");
    EXPECT_TRUE(host.wait([&] { return host.logs().size() == 1; }));
    EXPECT_EQ(host.logs()[0].level, AGH_LOG_WARN);
    EXPECT_EQ(host.logs()[0].fields, R"({"n":1})");
    EXPECT_EQ(host.facts()["probe"], R"({"on":true})");
    EXPECT_EQ(host.metrics()["seen_total"], 5);
    ASSERT_EQ(host.events().size(), 1u);
    EXPECT_EQ(host.events()[0].topic, "sdk_probe.event");
    EXPECT_EQ(host.events()[0].blobs.at(0).bytes, "event bytes");
}

TEST_P(Isolation, ReadsTheDaemonsLog)
{
    FakeHost host{probe()};
    host.daemon_log(AGH_LOG_INFO, R"({"message":"quiet"})");
    host.daemon_log(AGH_LOG_WARN, R"({"message":"one"})");
    host.daemon_log(AGH_LOG_ERROR, R"({"message":"two"})");
    const FakeReply reply = host.call("sdk_probe.tap");
    EXPECT_EQ(reply.json,
              "{\"lines\":" + agenthost::json_string("{\"message\":\"one\"}\n{\"message\":\"two\"}\n") +
                  ",\"position\":3,\"small\":" + std::to_string(AGH_E_INVALID) + "}");
}

TEST_P(Isolation, GetsTheNetworkSettingsOfTheRequestsServer)
{
    FakeHost host{probe()};
    host.network_settings = R"({"server":"files","proxy":"http://p:3128"})";
    EXPECT_EQ(host.call("sdk_probe.network").json, "{\"settings\":" + host.network_settings +
                                                       ",\"stale\":" + std::to_string(AGH_E_STALE) +
                                                       ",\"small\":" + std::to_string(AGH_E_INVALID) + "}");
}

TEST_P(Isolation, HasNoNetworkSettingsWithoutPermission)
{
    FakeHost host{probe()};
    host.network_permitted = false;
    EXPECT_EQ(host.call("sdk_probe.network").code(), "UNSUPPORTED");
}

TEST_P(Isolation, HasNoLogWithoutPermission)
{
    FakeHost host{probe()};
    host.log_tap_permitted = false;
    EXPECT_EQ(host.call("sdk_probe.tap").code(), "UNSUPPORTED");
}

TEST_P(Isolation, RunsTimersWatchesAndPosts)
{
    FakeHost host{probe()};
    for (int i = 0; i < 20; ++i) EXPECT_EQ(host.call("sdk_probe.tick").json, "1");
}

TEST_P(Isolation, CallsOtherPlugins)
{
    FakeHost host{probe()};
    EXPECT_NE(host.call("sdk_probe.call", R"({"p":1})").json.find("DENIED"), std::string::npos);
    host.on_call = [](std::string_view action, std::string_view params) {
        return FakeReply{.json = "[\"" + std::string{action} + "\"," + std::string{params} + "]"};
    };
    EXPECT_EQ(host.call("sdk_probe.call", R"({"p":1})").json,
              R"({"status":0,"json":["other.action",{"p":1}]})");
}

TEST_P(Isolation, PassesOnThePluginsErrors)
{
    FakeHost create{probe(), R"({"refuse_create":1})"}, start{probe(), R"({"refuse_start":1})"};
    const auto said = create.create();
    EXPECT_EQ(said.code, "PROBE_CREATE");
    EXPECT_EQ(said.text, "create refused, as asked");
    EXPECT_EQ(said.status, AGH_E_DENIED);
    EXPECT_EQ(start.start().code, "PROBE_START");
}

TEST_P(Isolation, ConfiguresChecksAndDrains)
{
    FakeHost host{probe(), R"({"sick":1})"};
    ASSERT_TRUE(host.start().ok());
    EXPECT_TRUE(host.configure(R"({"x":1})").ok());
    EXPECT_TRUE(host.wait([&] { return host.logged("configured"); }));
    EXPECT_EQ(host.configure("bad").code, "PROBE_CONFIG");
    EXPECT_EQ(host.health().status, AGH_E_BUSY);
    EXPECT_EQ(host.health().text, "degraded, as asked");
    const agh_req id = host.invoke("sdk_probe.keep");
    EXPECT_TRUE(host.wait([&] { return host.progress(id).size() == 1; }));
    EXPECT_TRUE(host.drain());
    EXPECT_EQ(host.wait_reply(id).message(), "drained");
}

TEST_P(Isolation, CreatesInstancesOneAfterAnother)
{
    for (int i = 0; i < 5; ++i) {
        FakeHost host{probe()};
        EXPECT_EQ(host.call("sdk_probe.echo").json, "{}");
    }
}

} // namespace

// Several at once, and limits: cancelling, deadlines, turns, order on one file, full disks, flat memory.
#include "../../support/nginx.hpp"
#include "../../support/proxy.hpp"
#include "../../support/sanitized.hpp"
#include "box.hpp"

#include <gtest/gtest.h>

#include <dirent.h>

#include <fstream>

namespace {

using namespace agenthost::test;
using namespace std::chrono_literals;

class Load : public ::testing::Test {
protected:
    static void SetUpTestSuite()
    {
        nginx_ = std::make_unique<Nginx>();
        write_file(nginx_->www() / "file", random_bytes(1'000'000, 5), 0644);
    }
    static void TearDownTestSuite() { nginx_.reset(); }
    static std::unique_ptr<Nginx> nginx_;
};
std::unique_ptr<Nginx> Load::nginx_;

// A server whose answers wait at a gate.
class Gate {
public:
    Gate()
        : server_{[this](const HttpRequest& request) {
              ++arrived_;
              wait_for([this] { return open_.load(); });
              const std::lock_guard lock{mutex_};
              order_.push_back(request.target());
              return http_answer("200 OK", "content of " + request.target());
          }}
    {}
    ~Gate() { open_ = true; }
    void open() { open_ = true; }
    [[nodiscard]] int arrived() const { return arrived_; }
    std::string url(const std::string& path) const { return server_.url(path); }
    std::vector<std::string> order()
    {
        const std::lock_guard lock{mutex_};
        return order_;
    }

private:
    std::atomic<bool> open_{false};
    std::atomic<int> arrived_{0};
    std::mutex mutex_;
    std::vector<std::string> order_;
    HttpServer server_;
};

FakeCall from(const std::string& server)
{
    FakeCall call;
    call.caller = Json{{"server", server}, {"protocol", "storage"}}.dump();
    return call;
}

agh_req begin_upload(Box& box, const std::string& id, const std::string& url, const FakeCall& how = {})
{
    return box.host().invoke("storage.upload", Box::upload_params(id, url).dump(), how);
}

TEST_F(Load, CancelEndsARunningTransferAtOnce)
{
    Box box{{{"idle_timeout", "60s"}}};
    Proxy stalling{nginx_->port(), {}, {Fault::Kind::stall, 300'000}};
    const auto id = begin_upload(box, "f", stalling.url("/file"));
    ASSERT_TRUE(wait_for([&] { return !box.files("incoming").empty() && stalling.connections() == 1; }));
    const auto began = std::chrono::steady_clock::now();
    box.host().cancel(id);
    EXPECT_EQ(box.wait(id).code(), "CANCELLED");
    EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
    EXPECT_TRUE(wait_for([&] { return box.clean(); }));
    EXPECT_EQ(box.info()["files"], 0);
}

TEST_F(Load, TheDeadlineEndsATransfer)
{
    Box box{{{"idle_timeout", "60s"}}};
    Proxy stalling{nginx_->port(), {}, {Fault::Kind::stall, 300'000}};
    FakeCall how;
    how.timeout = 300ms;
    EXPECT_EQ(box.wait(begin_upload(box, "f", stalling.url("/file"), how)).code(), "TIMEOUT");
    ASSERT_TRUE(box.upload("g", nginx_->url("/file")).ok());
    const std::atomic<bool> never{false};
    Fault held;
    held.gate = &never;
    Proxy deaf{nginx_->port(), {}, held};
    const auto id = box.host().invoke(
        "storage.download", Json{{"file_id", "g"}, {"upload_url", deaf.url("/x")}, {"method", "PUT"}}.dump(),
        how);
    EXPECT_EQ(box.wait(id).code(), "TIMEOUT");
    EXPECT_TRUE(wait_for([&] { return box.clean(); }));
}

TEST_F(Load, CancelAnswersATransferThatStillWaits)
{
    Box box{{{"max_transfers", 1}}};
    Gate gate;
    const auto running = begin_upload(box, "a", gate.url("/a"));
    ASSERT_TRUE(wait_for([&] { return gate.arrived() == 1; }));
    const auto waiting = begin_upload(box, "b", gate.url("/b"));
    EXPECT_EQ(box.info()["transfers"]["waiting"], 1);
    box.host().cancel(waiting);
    EXPECT_EQ(box.wait(waiting).code(), "CANCELLED");
    EXPECT_FALSE(box.host().reply(running));
    gate.open();
    EXPECT_TRUE(box.wait(running).ok());
}

TEST_F(Load, LimitsConcurrentTransfersAndAlternatesBetweenCallers)
{
    Box box{{{"max_transfers", 2}}};
    Gate gate;
    std::vector<agh_req> ids;
    for (int i = 0; i < 8; ++i)
        ids.push_back(begin_upload(box, "greedy" + std::to_string(i), gate.url("/greedy"), from("greedy")));
    ASSERT_TRUE(wait_for([&] { return gate.arrived() == 2; }));
    EXPECT_EQ(box.info()["transfers"]["running"], 2);
    EXPECT_EQ(box.info()["transfers"]["waiting"], 6);
    // One more caller is served at once, although both slots are taken; its second transfer waits.
    for (const char* id : {"modest0", "modest1"})
        ids.push_back(begin_upload(box, id, gate.url("/modest"), from("modest")));
    ASSERT_TRUE(wait_for([&] { return gate.arrived() == 3; }));
    EXPECT_EQ(box.info()["transfers"]["running"], 3);
    EXPECT_EQ(box.info()["transfers"]["waiting"], 7);
    gate.open();
    for (const auto id : ids) EXPECT_TRUE(box.wait(id).ok());
}

TEST_F(Load, ServesAServerWhileAnotherFillsSlotsAndQueue)
{
    Box box{{{"max_transfers", 4}, {"queue", 8}}};
    Gate gate;
    std::vector<agh_req> ids;
    const auto begin = [&](int n) {
        ids.push_back(begin_upload(box, "greedy" + std::to_string(n), gate.url("/x"), from("greedy")));
    };
    for (int i = 0; i < 4; ++i) begin(i);
    ASSERT_TRUE(wait_for([&] { return gate.arrived() == 4; })); // what runs takes no place in the queue
    for (int i = 4; i < 12; ++i) begin(i);
    EXPECT_EQ(box.wait(begin_upload(box, "more", gate.url("/x"), from("greedy"))).code(), "BUSY");
    EXPECT_TRUE(box.wait(begin_upload(box, "modest", nginx_->url("/file"), from("modest"))).ok());
    gate.open();
    for (const auto id : ids) EXPECT_TRUE(box.wait(id).ok());
}

TEST_F(Load, RefusesTransfersWhenTheQueueIsFull)
{
    Box box{{{"max_transfers", 1}, {"queue", 2}}};
    Gate gate;
    std::vector<agh_req> ids{begin_upload(box, "a", gate.url("/a"))};
    ASSERT_TRUE(wait_for([&] { return gate.arrived() == 1; }));
    for (const char* id : {"b", "c"}) ids.push_back(begin_upload(box, id, gate.url("/x")));
    const auto refused = box.wait(begin_upload(box, "d", gate.url("/d")));
    EXPECT_EQ(refused.code(), "BUSY");
    EXPECT_EQ(refused.flags, std::uint32_t{AGH_REPLY_NOT_STARTED});
    gate.open();
    for (const auto id : ids) EXPECT_TRUE(box.wait(id).ok());
}

TEST_F(Load, CommandsOnOneFileKeepTheirOrder)
{
    Box box{{{"max_transfers", 4}}};
    Gate gate;
    HttpServer target{[](const HttpRequest&) { return http_answer("200 OK", ""); }};
    const auto first = begin_upload(box, "f", gate.url("/first"));
    const auto sent =
        box.host().invoke("storage.download", Json{{"file_id", "f"}, {"upload_url", target.url()}}.dump());
    const auto second = begin_upload(box, "f", gate.url("/second"));
    const auto gone = box.host().invoke("storage.delete", Json{{"file_id", "f"}}.dump());
    const auto late =
        box.host().invoke("storage.download", Json{{"file_id", "f"}, {"upload_url", target.url()}}.dump());
    ASSERT_TRUE(wait_for([&] { return gate.arrived() == 1; }));
    EXPECT_FALSE(box.host().reply(gone));
    gate.open();
    for (const auto id : {first, sent, second, gone}) EXPECT_TRUE(box.wait(id).ok()) << box.wait(id).json;
    EXPECT_EQ(box.wait(late).code(), "FILE_NOT_FOUND");
    EXPECT_EQ(gate.order(), (std::vector<std::string>{"/first", "/second"}));
    EXPECT_EQ(target.requests().at(0).body, "content of /first");
}

TEST_F(Load, ADeleteDoesNotWaitForASlot)
{
    Box box{{{"max_transfers", 1}}};
    ASSERT_TRUE(box.upload("f", nginx_->url("/file")).ok());
    Gate gate;
    const auto running = begin_upload(box, "a", gate.url("/a"));
    ASSERT_TRUE(wait_for([&] { return gate.arrived() == 1; }));
    EXPECT_TRUE(box.remove("f").ok());
    EXPECT_FALSE(box.host().reply(running));
}

// The peer reads slowly while the file is deleted, or replaced: it gets the whole file as it was.
TEST_F(Load, ADownloadSendsTheVersionItStartedWith)
{
    Box box;
    const std::string content = random_bytes(30'000'000, 9);
    write_file(nginx_->www() / "big", content, 0644);
    for (const bool replace : {false, true}) {
        ASSERT_TRUE(box.upload("f", nginx_->url("/big")).ok());
        HttpServer slow{[&](const HttpRequest& request) {
            return http_answer(sha256_hex(request.body) == sha256_hex(content) ? "200 OK" : "400 Differs",
                               "");
        }};
        std::atomic<bool> go{false};
        Fault held; // more than the sockets' buffers hold, so that most of the file is still to be read
        held.gate = &go;
        Proxy proxy{slow.port(), {held}};
        const auto id = box.host().invoke(
            "storage.download",
            Json{{"file_id", "f"}, {"upload_url", proxy.url("/")}, {"method", "PUT"}}.dump());
        ASSERT_TRUE(wait_for([&] { return proxy.connections() == 1; }));
        if (replace)
            EXPECT_TRUE(box.upload("f", nginx_->url("/file")).ok());
        else
            EXPECT_TRUE(box.remove("f").ok());
        EXPECT_FALSE(box.host().reply(id));
        go = true;
        EXPECT_TRUE(box.wait(id).ok()) << box.wait(id).json;
    }
    EXPECT_TRUE(box.clean());
}

TEST_F(Load, ReportsDiskFullBeforeFetchingAByte)
{
    Box box{{{"quota", 1'500'000}}};
    ASSERT_TRUE(box.upload("f", nginx_->url("/file"), {{"size", 1'000'000}}).ok());
    HttpServer server{[](const HttpRequest&) { return http_answer("200 OK", std::string(600'000, 'x')); }};
    const auto reply = box.upload("g", server.url(), {{"size", 600'000}});
    EXPECT_EQ(reply.message(), "Disk full");
    EXPECT_EQ(reply.code(), "DISK_FULL");
    EXPECT_EQ(server.connections(), 0);
    EXPECT_EQ(code_of(box.upload("g", server.url())),
              "DISK_FULL"); // undeclared: by the answer's Content-Length
    EXPECT_TRUE(box.upload("f", server.url(), {{"size", 600'000}}).ok()); // replaces what frees enough
    ASSERT_TRUE(box.upload("g", server.url(), {{"size", 600'000}}).ok());
    EXPECT_TRUE(box.remove("g").ok());
    EXPECT_TRUE(box.upload("h", server.url(), {{"size", 600'000}}).ok());
    box.restart({{"quota", 0}, {"reserve_free", "8000TiB"}});
    EXPECT_EQ(code_of(box.upload("i", server.url(), {{"size", 1}})), "DISK_FULL");
    EXPECT_EQ(box.host().health().status, AGH_E_BUSY);
    EXPECT_TRUE(box.clean());
}

TEST_F(Load, ReservesTheLastSpaceForOneTransfer)
{
    Box box{{{"quota", 1000}}};
    Gate gate;
    const auto first =
        box.host().invoke("storage.upload", Box::upload_params("a", gate.url("/a"), {{"size", 600}}).dump());
    ASSERT_TRUE(wait_for([&] { return gate.arrived() == 1; }));
    EXPECT_EQ(code_of(box.upload("b", gate.url("/b"), {{"size", 600}})), "DISK_FULL");
    gate.open();
    EXPECT_EQ(code_of(box.wait(first)), "NETWORK_ERROR");              // not 600 bytes at all
    EXPECT_TRUE(box.upload("b", gate.url("/b"), {{"size", 13}}).ok()); // and its claim is given up
}

TEST_F(Load, StoppingAnswersRunningAndQueuedTransfers)
{
    Gate gate;
    Box box{{{"max_transfers", 1}}};
    const auto running = begin_upload(box, "a", gate.url("/a"));
    const auto waiting = begin_upload(box, "b", gate.url("/b"));
    ASSERT_TRUE(wait_for([&] { return gate.arrived() == 1; }));
    const auto began = std::chrono::steady_clock::now();
    box.host().destroy();
    EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
    for (const auto id : {running, waiting}) {
        EXPECT_EQ(box.wait(id).code(), "INTERRUPTED");
        EXPECT_EQ(box.wait(id).flags,
                  std::uint32_t{AGH_REPLY_NOT_STARTED}); // the same command may come again
    }
}

std::size_t rss()
{
    std::ifstream in{"/proc/self/statm"};
    std::size_t total = 0, resident = 0;
    in >> total >> resident;
    return resident * 4096;
}
std::size_t descriptors()
{
    std::size_t n = 0;
    DIR* dir = ::opendir("/proc/self/fd");
    while (::readdir(dir)) ++n;
    ::closedir(dir);
    return n;
}

TEST_F(Load, UsesTheSameMemoryForLargeAndSmallFiles)
{
    Box box{{{"max_transfers", 4}}};
    write_file(nginx_->www() / "huge", "", 0644);
    std::filesystem::resize_file(nginx_->www() / "huge", 100'000'000); // sparse
    ASSERT_TRUE(box.upload("warm", nginx_->url("/file")).ok());
    ASSERT_TRUE(box.download("warm", nginx_->url("/warm")).ok());
    const std::size_t before = rss(), open_before = descriptors();
    std::size_t most = before;
    std::vector<agh_req> ids;
    for (int i = 0; i < 4; ++i)
        ids.push_back(begin_upload(box, "huge" + std::to_string(i), nginx_->url("/huge")));
    for (const auto id : ids)
        EXPECT_TRUE(wait_for([&] {
            most = std::max(most, rss());
            return box.host().reply(id).has_value();
        }));
    for (const auto id : ids) EXPECT_TRUE(box.wait(id).ok()) << box.wait(id).json;
    if (!sanitized) {
        EXPECT_LT(most - before,
                  16u << 20); // four transfers of 256 KiB buffers, threads, the allocator's taste
    }
    EXPECT_TRUE(
        wait_for([&] { return descriptors() <= open_before + 2; })); // the index's WAL may have been opened
    EXPECT_EQ(box.info()["bytes"], 401'000'000);
}

} // namespace

// The client against a scripted engine: good answers, and every kind of broken one.
#include "plugins/docker/engine/client.hpp"
#include "tests/support/asio_loop.hpp"
#include "tests/support/fake_http.hpp"
#include "tests/unit/docker_engine/log_frame.hpp"

#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace agenthost::docker::engine;
using agenthost::test::FakeHttp;
using agenthost::test::frame;
using agenthost::test::run_until;
using agenthost::test::TempDir;
using namespace std::chrono_literals;

constexpr const char* version = "Api-Version: 1.41\r\n";

class EngineClient : public testing::Test {
protected:
    // Answers /_ping; the rest by `script`.
    void engine(FakeHttp::Script script)
    {
        server_.reset(); // first: both have the same path
        server_ =
            std::make_unique<FakeHttp>(dir_ / "s", [script = std::move(script)](auto& peer, auto& request) {
                if (request.target == "/_ping") return (void)peer.reply(200, "OK", version);
                script(peer, request);
            });
    }
    Client& client()
    {
        if (!client_) {
            options_.socket = (dir_ / "s").string();
            client_ = std::make_unique<Client>(io_, options_);
        }
        return *client_;
    }
    // Runs one call to its end.
    template <class Value, class Call> Result<Value> result(Call call)
    {
        return agenthost::test::result_of<Result<Value>>(io_, call);
    }
    Result<ContainerFacts> inspect()
    {
        return result<ContainerFacts>([this](auto then) { client().inspect("game", std::move(then)); });
    }
    Error broken(const std::string& bytes)
    {
        engine([bytes](auto& peer, auto&) {
            peer.send(bytes);
            peer.close();
        });
        auto out = inspect();
        EXPECT_FALSE(out.ok());
        return out.ok() ? Error{} : out.error();
    }

    TempDir dir_;
    boost::asio::io_context io_;
    Client::Options options_;
    std::unique_ptr<FakeHttp> server_;
    std::unique_ptr<Client> client_;
};

constexpr const char* container =
    R"({"Id":"abc","Name":"/game","State":{"Status":"running","Running":true},"Config":{}})";

TEST_F(EngineClient, ChoosesTheVersionOnceAndPrefixesEveryPath)
{
    engine([](auto& peer, auto&) { peer.reply(200, container); });
    ASSERT_TRUE(inspect().ok());
    ASSERT_TRUE(inspect().ok());
    EXPECT_EQ(server_->requests(), (std::vector<std::string>{"GET /_ping", "GET /v1.41/containers/game/json",
                                                             "GET /v1.41/containers/game/json"}));
    EXPECT_EQ(server_->connections(), 2u); // the second inspection used the first one's again
}

TEST_F(EngineClient, ExplainsThatAnEngineIsTooOld)
{
    server_ = std::make_unique<FakeHttp>(
        dir_ / "s", [](auto& peer, auto&) { peer.reply(200, "OK", "Api-Version: 1.24\r\n"); });
    const auto out = inspect();
    ASSERT_FALSE(out.ok());
    EXPECT_EQ(out.error().cause, Cause::version);
    EXPECT_FALSE(out.error().sent);
    EXPECT_NE(out.error().text.find("1.24"), std::string::npos);
}

TEST_F(EngineClient, ChoosesAgainWhenTheEngineRefusesTheVersion)
{
    std::atomic<bool> upgraded{false};
    server_ = std::make_unique<FakeHttp>(dir_ / "s", [&](auto& peer, auto& request) {
        if (request.target == "/_ping")
            return (void)peer.reply(200, "OK", upgraded ? "Api-Version: 1.45\r\n" : version);
        if (upgraded && request.target.starts_with("/v1.41"))
            return (void)peer.reply(
                400,
                R"({"message":"client version 1.41 is too old. Minimum supported API version is 1.44"})");
        peer.reply(200, container);
    });
    ASSERT_TRUE(inspect().ok());
    upgraded = true;
    const auto refused = inspect();
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().cause, Cause::version);
    ASSERT_TRUE(inspect().ok());
    EXPECT_EQ(server_->requests().back(), "GET /v1.45/containers/game/json");
}

TEST_F(EngineClient, SaysWhyTheSocketCannotBeUsed)
{
    auto out = inspect();
    ASSERT_FALSE(out.ok());
    EXPECT_EQ(out.error().cause, Cause::unreachable);
    EXPECT_FALSE(out.error().sent);
    EXPECT_NE(out.error().text.find("does not exist"), std::string::npos) << out.error().text;

    client_.reset();
    options_.socket = std::string(200, 'x');
    client_ = std::make_unique<Client>(io_, options_);
    out = inspect();
    ASSERT_FALSE(out.ok());
    EXPECT_EQ(out.error().cause, Cause::refused);
}

TEST_F(EngineClient, ReportsBrokenAnswersAsErrors)
{
    EXPECT_EQ(broken("SSH-2.0-OpenSSH\r\n").cause, Cause::bad_answer);
    EXPECT_EQ(broken("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{").cause, Cause::unreachable);
    EXPECT_EQ(broken("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab").cause,
              Cause::unreachable);
    EXPECT_EQ(broken("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").cause, Cause::bad_answer);
    EXPECT_EQ(broken("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{").cause, Cause::bad_answer);
    EXPECT_EQ(broken("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x')).cause, Cause::bad_answer);
    EXPECT_EQ(broken("HTTP/1.1 101 UPGRADED\r\n\r\n").cause, Cause::bad_answer);
    EXPECT_EQ(broken("HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n").cause,
              Cause::engine_failed);
    EXPECT_EQ(broken("").cause, Cause::unreachable);
    const std::string deep(100'000, '[');
    EXPECT_EQ(broken("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + deep).cause, Cause::bad_answer);
    EXPECT_EQ(broken("HTTP/1.1 500 E\r\nContent-Length: 100000\r\n\r\n" + deep).cause, Cause::engine_failed);
}

TEST_F(EngineClient, RejectsAnAnswerBeyondItsLimit)
{
    engine([](auto& peer, auto&) {
        peer.begin_chunked();
        const std::string piece(1024 * 1024, ' ');
        while (peer.chunk(piece)) {}
    });
    const auto out = inspect();
    ASSERT_FALSE(out.ok());
    EXPECT_EQ(out.error().cause, Cause::bad_answer);
    EXPECT_NE(out.error().text.find("16 MiB"), std::string::npos);
}

TEST_F(EngineClient, GivesUpAtTheDeadline)
{
    options_.read_deadline = 100ms;
    engine([](auto& peer, auto&) { peer.wait_closed(); });
    const auto out = inspect();
    ASSERT_FALSE(out.ok());
    EXPECT_EQ(out.error().cause, Cause::timeout);
    EXPECT_TRUE(out.error().sent);
}

TEST_F(EngineClient, GivesUpOnAnAnswerThatTrickles)
{
    options_.read_deadline = 200ms;
    engine([](auto& peer, auto&) {
        peer.begin_chunked();
        while (peer.chunk(" ")) std::this_thread::sleep_for(5ms);
    });
    EXPECT_EQ(inspect().error().cause, Cause::timeout);
}

TEST_F(EngineClient, SendsASignalWhileEveryConnectionHangs)
{
    engine([](auto& peer, auto& request) {
        if (request.target.find("/kill") != std::string::npos) return (void)peer.reply(204, "");
        peer.wait_closed();
    });
    int hanging = 0;
    for (int i = 0; i < 20; ++i) client().inspect("game", [&](auto) { ++hanging; });
    run_until(io_, [&] { return server_->requests().size() >= 5; });
    const auto killed = result<Done>([&](auto then) { client().signal("game", "SIGKILL", std::move(then)); });
    EXPECT_TRUE(killed.ok());
    EXPECT_EQ(hanging, 0);
}

// Many servers that start at once: their inspects, with a short deadline, wait behind starts, with a long one.
TEST_F(EngineClient, AQuickCallOutlastsTheSlowOnesItWaitsFor)
{
    options_.limits.max_shared = 1;
    options_.read_deadline = 100ms;
    std::promise<void> started;
    engine([start = started.get_future().share()](auto& peer, auto& request) {
        if (request.target.find("/start") == std::string::npos)
            return (void)peer.reply(404, R"({"message":"no such container"})");
        start.wait();
        peer.reply(204, "");
    });
    client().start("game", [](auto) {});
    run_until(io_, [&] { return server_->requests().size() == 2; });
    std::optional<Error> error;
    client().inspect("game", [&](auto result) { error = result.error(); });
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_TRUE(run_until(io_, [&] { return error || std::chrono::steady_clock::now() > begun + 300ms; }));
    EXPECT_FALSE(error) << error->text;
    started.set_value();
    ASSERT_TRUE(run_until(io_, [&] { return error.has_value(); }));
    EXPECT_TRUE(error->sent) << error->text;
}

TEST_F(EngineClient, BoundsTheCallsThatWait)
{
    options_.limits.max_waiting = 10;
    engine([](auto& peer, auto&) { peer.wait_closed(); });
    int busy = 0;
    client();
    run_until(io_, [&] {
        client().inspect("game", [&](auto r) { busy += !r.ok() && r.error().cause == Cause::busy ? 1 : 0; });
        return busy > 0;
    });
    EXPECT_GT(busy, 0);
}

TEST_F(EngineClient, CancelsACallOnce)
{
    engine([](auto& peer, auto&) { peer.wait_closed(); });
    std::vector<Cause> causes;
    const auto running = client().inspect("game", [&](auto r) { causes.push_back(r.error().cause); });
    run_until(io_, [&] { return server_->requests().size() >= 2; });
    running.cancel();
    running.cancel();
    EXPECT_TRUE(causes.empty());
    run_until(io_, [&] { return !causes.empty(); });
    EXPECT_EQ(causes, std::vector<Cause>{Cause::cancelled});
    EXPECT_FALSE(running.active());
}

TEST_F(EngineClient, CallsNothingAfterItWasDestroyed)
{
    engine([](auto& peer, auto&) { peer.wait_closed(); });
    bool called = false;
    client().inspect("game", [&](auto) { called = true; });
    client().inspect("../bad", [&](auto) { called = true; });
    client().stop("game", "SIGTERM", 1ms, [&](auto) { called = true; });
    run_until(
        io_, [&] { return server_->requests().size() >= 2; }, 1s);
    called = false; // the bad name was answered meanwhile
    client_.reset();
    run_until(
        io_, [&] { return called; }, 50ms);
    EXPECT_FALSE(called);
}

TEST_F(EngineClient, MayBeDestroyedInsideOfACallback)
{
    engine([](auto& peer, auto&) { peer.reply(200, container); });
    bool called = false;
    client().inspect("game", [&](auto) {
        called = true;
        client_.reset();
    });
    EXPECT_TRUE(run_until(io_, [&] { return called; }));
    run_until(
        io_, [] { return false; }, 20ms);
}

TEST_F(EngineClient, OpensANewConnectionWhenTheEngineHasClosedTheOldOne)
{
    engine([](auto& peer, auto&) {
        peer.reply(200, container);
        peer.close(); // without announcing it
    });
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(inspect().ok()) << i;
}

TEST_F(EngineClient, SendsNoNameThatCouldChangeTheEndpoint)
{
    engine([](auto& peer, auto&) { peer.reply(200, container); });
    const auto bad = result<ContainerFacts>([&](auto then) { client().inspect("../info", std::move(then)); });
    ASSERT_FALSE(bad.ok());
    EXPECT_EQ(bad.error().cause, Cause::refused);
    EXPECT_FALSE(bad.error().sent);
    const auto image = result<ImageFacts>([&](auto then) { client().image("a/../b", std::move(then)); });
    EXPECT_EQ(image.error().cause, Cause::refused);
    EXPECT_TRUE(server_->requests().empty());
}

TEST_F(EngineClient, CreatesStartsAndRemoves)
{
    engine([](auto& peer, auto& request) {
        if (request.target == "/v1.41/containers/create?name=game" && request.body == "{\"Image\":\"x\"}")
            return (void)peer.reply(201, R"({"Id":"abc","Warnings":["w"]})");
        if (request.target.ends_with("/start")) return (void)peer.send("HTTP/1.1 304 Not Modified\r\n\r\n");
        if (request.method == "DELETE")
            return (void)peer.reply(404, R"({"message":"No such container: game"})");
        if (request.target.find("/wait?condition=not-running") != std::string::npos)
            return (void)peer.reply(200, R"({"StatusCode":3})");
        peer.reply(409, R"({"message":"Container game is not running"})");
    });
    const auto created =
        result<Created>([&](auto then) { client().create("game", "{\"Image\":\"x\"}", std::move(then)); });
    ASSERT_TRUE(created.ok()) << created.error().text;
    EXPECT_EQ(created->id, "abc");
    EXPECT_TRUE(result<Started>([&](auto then) { client().start("game", std::move(then)); })->was_running);
    EXPECT_TRUE(
        result<Removed>([&](auto then) { client().remove("game", {}, std::move(then)); })->was_absent);
    // The signal finds it ended: the wait tells how.
    EXPECT_EQ(result<Exit>([&](auto then) { client().stop("game", "SIGTERM", 5s, std::move(then)); })->code,
              3);
}

TEST_F(EngineClient, KillsWhatDoesNotStopInTime)
{
    std::promise<void> killed;
    auto future = killed.get_future().share();
    engine([&killed, future](auto& peer, auto& request) {
        if (request.target.find("SIGKILL") != std::string::npos) killed.set_value();
        if (request.target.find("/wait") == std::string::npos) return (void)peer.reply(204, "");
        future.wait_for(30s);
        peer.reply(200, R"({"StatusCode":137})");
    });
    const auto exit =
        result<Exit>([&](auto then) { client().stop("game", "SIGTERM", 50ms, std::move(then)); });
    ASSERT_TRUE(exit.ok());
    EXPECT_EQ(exit->code, 137);
}

struct LogEnd {
    std::vector<std::string> lines;
    std::optional<Error> error;
    bool ended = false;

    LogHandlers handlers()
    {
        return {.on_open = {},
                .on_part = [this](const LogPart& part) { lines.emplace_back(part.text); },
                .on_end = [this](std::optional<Error> e) { ended = true, error = std::move(e); }};
    }
};

TEST_F(EngineClient, GivesNoFurtherMessageOnceItIsDestroyedInAHandler)
{
    engine([&](auto& peer, auto&) {
        peer.begin_chunked();
        peer.chunk(frame(1, "2026-11-30T08:00:00.000000001Z one\n") +
                   frame(1, "2026-11-30T08:00:00.000000002Z two\n"));
        peer.wait_closed();
    });
    int parts = 0;
    client().logs("game", {},
                  {.on_open = {},
                   .on_part =
                       [&](const LogPart&) {
                           ++parts;
                           client_.reset();
                       },
                   .on_end = [](const std::optional<Error>&) { ADD_FAILURE() << "nobody listens"; }});
    ASSERT_TRUE(run_until(io_, [&] { return parts > 0; }));
    io_.poll();
    EXPECT_EQ(parts, 1);
}

TEST_F(EngineClient, RefusesAnEngineThatNeedsANewerVersionThanItKnows)
{
    engine([](auto& peer, auto& request) {
        if (request.target == "/v1.41/version")
            return (void)peer.reply(200, R"({"Version":"99","ApiVersion":"1.99","MinAPIVersion":"1.90"})");
        ADD_FAILURE() << "nothing else may be asked: " << request.target;
    });
    const auto facts = result<EngineFacts>([this](auto then) { client().probe(std::move(then)); });
    ASSERT_FALSE(facts);
    EXPECT_EQ(facts.error().cause, Cause::version);
    EXPECT_NE(facts.error().text.find("at least API 1.90"), std::string::npos) << facts.error().text;
    EXPECT_FALSE(client().api()) << "another engine may answer next time";
}

TEST_F(EngineClient, ContinuesALogWhereItEnded)
{
    const std::string one = frame(1, "2026-11-30T08:00:00.000000001Z one\n"),
                      two = frame(2, "2026-11-30T08:00:00.000000001Z two\n"),
                      three = frame(1, "2026-11-30T08:00:00.000000003Z three\n");
    engine([&](auto& peer, auto& request) {
        peer.begin_chunked();
        const bool resumed = request.target.find("since=1796025600.000000001") != std::string::npos;
        for (const char byte : one + two + (resumed ? three : "")) peer.chunk({&byte, 1});
        peer.chunk("");
    });
    LogEnd first;
    auto reading = client().logs("game", {.tail = 5}, first.handlers());
    ASSERT_TRUE(run_until(io_, [&] { return first.ended; }));
    EXPECT_FALSE(first.error) << first.error->text;
    EXPECT_EQ(first.lines, (std::vector<std::string>{"one", "two"}));
    EXPECT_NE(server_->requests().back().find("tail=5"), std::string::npos);

    LogEnd second;
    reading = client().logs("game", {.from = reading.position()}, second.handlers());
    ASSERT_TRUE(run_until(io_, [&] { return second.ended; }));
    EXPECT_EQ(second.lines, std::vector<std::string>{"three"});
    EXPECT_FALSE(reading.gap());
}

TEST_F(EngineClient, RereadsATerminalLineThatABreakHasCut)
{
    const std::string one = "2026-11-30T08:00:00.000000001Z one\r\n",
                      two = "2026-11-30T08:00:00.000000002Z two\r\n";
    engine([&](auto& peer, auto& request) {
        peer.begin_chunked();
        const bool resumed = request.target.find("since=") != std::string::npos;
        peer.chunk(resumed ? one + two : one + two.substr(0, two.size() - 3));
        if (resumed) peer.chunk("");
        peer.close();
    });
    LogEnd log;
    auto reading = client().logs("game", {.tty = true}, log.handlers());
    ASSERT_TRUE(run_until(io_, [&] { return log.ended; }));
    ASSERT_TRUE(log.error);
    EXPECT_EQ(log.lines, std::vector<std::string>{"one"});
    reading = client().logs("game", {.tty = true, .from = reading.position()}, log.handlers());
    log.ended = false;
    ASSERT_TRUE(run_until(io_, [&] { return log.ended; }));
    EXPECT_EQ(log.lines, (std::vector<std::string>{"one", "two"}));
}

TEST_F(EngineClient, RejectsALogFrameOfFourGigabytes)
{
    engine([](auto& peer, auto&) {
        peer.begin_chunked();
        peer.chunk({"\x01\x00\x00\x00\xff\xff\xff\xff", 8});
        peer.wait_closed();
    });
    LogEnd log;
    client().logs("game", {}, log.handlers());
    ASSERT_TRUE(run_until(io_, [&] { return log.ended; }));
    ASSERT_TRUE(log.error);
    EXPECT_EQ(log.error->cause, Cause::bad_answer);
}

TEST_F(EngineClient, ReportsTheEnginesOwnErrorInALog)
{
    engine([](auto& peer, auto&) {
        peer.begin_chunked();
        peer.chunk(frame(3, "error from daemon in stream: no space left on device\n"));
        peer.chunk("");
    });
    LogEnd log;
    client().logs("game", {}, log.handlers());
    ASSERT_TRUE(run_until(io_, [&] { return log.ended; }));
    ASSERT_TRUE(log.error);
    EXPECT_EQ(log.error->cause, Cause::no_space);
}

TEST_F(EngineClient, SendsInputAfterTheUpgrade)
{
    std::promise<std::string> got;
    engine([&](auto& peer, auto& request) {
        EXPECT_EQ(request.headers.at("upgrade"), "tcp");
        peer.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
        std::string all;
        for (std::string more; !(more = peer.receive()).empty();) all += more;
        got.set_value(all);
        peer.close();
    });
    bool open = false, ended = false;
    std::optional<Error> error;
    const auto input = client().attach_input(
        "game",
        {.on_open = [&] { open = true; }, .on_sent = {}, .on_end = [&](auto e) { ended = true, error = e; }});
    ASSERT_TRUE(run_until(io_, [&] { return open; }));
    EXPECT_TRUE(input.send("say hello\n"));
    EXPECT_FALSE(input.send(std::string(Sending::max_unsent + 1, 'x')));
    EXPECT_TRUE(input.send("stop\n"));
    input.finish();
    ASSERT_TRUE(run_until(io_, [&] { return ended; }));
    EXPECT_FALSE(error);
    EXPECT_EQ(got.get_future().get(), "say hello\nstop\n");
    EXPECT_FALSE(input.send("late"));
}

// Docker forgets what it has read together with the request when it upgrades the connection.
TEST_F(EngineClient, KeepsInputBackUntilTheUpgrade)
{
    std::promise<std::string> got;
    engine([&](auto& peer, auto&) {
        EXPECT_FALSE(peer.readable(50ms));
        peer.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
        got.set_value(peer.receive());
        peer.wait_closed();
    });
    bool sent = false;
    const auto input =
        client().attach_input("game", {.on_open = {}, .on_sent = [&] { sent = true; }, .on_end = {}});
    EXPECT_TRUE(input.send("say hello\n"));
    ASSERT_TRUE(run_until(io_, [&] { return sent; }));
    EXPECT_EQ(got.get_future().get(), "say hello\n");
}

TEST_F(EngineClient, SendsAnArchiveInChunksAndReadsTheEarlyRefusal)
{
    engine([](auto& peer, auto& request) {
        if (request.body == "tar bytes" && request.target == "/v1.41/containers/game/archive?path=%2Fdata&"
                                                             "noOverwriteDirNonDir=1")
            return (void)peer.reply(200, "");
        peer.reply(400, R"({"message":"not a tar"})");
    });
    const auto put = [&](std::string_view bytes) {
        return result<Done>([&](auto then) {
            const auto sending = client().put_archive("game", "/data", {}, std::move(then));
            EXPECT_TRUE(sending.send(bytes.substr(0, 3)));
            EXPECT_TRUE(sending.send(bytes.substr(3)));
            sending.finish();
        });
    };
    EXPECT_TRUE(put("tar bytes").ok());
    EXPECT_EQ(put("no tar").error().cause, Cause::refused);
}

TEST_F(EngineClient, GivesUpOnAnArchiveThatTheEngineDoesNotTake)
{
    options_.transfer_idle = 100ms;
    std::promise<void> done;
    auto future = done.get_future().share();
    engine([future](auto&, auto&) { future.wait_for(30s); });
    const auto out = result<Done>([&](auto then) {
        const auto sending = client().put_archive("game", "/data", {}, std::move(then));
        EXPECT_TRUE(sending.send("some bytes"));
        sending.finish();
    });
    done.set_value();
    ASSERT_FALSE(out.ok());
    EXPECT_EQ(out.error().cause, Cause::timeout);
}

TEST_F(EngineClient, ReadsAnArchiveWithPauses)
{
    const std::string piece(100'000, 'p');
    engine([&](auto& peer, auto&) {
        peer.begin_chunked();
        for (int i = 0; i < 50; ++i) peer.chunk(piece);
        peer.chunk("");
    });
    std::size_t bytes = 0, pieces = 0;
    Running running;
    std::optional<bool> good;
    running = client().get_archive(
        "game", "/data",
        [&](std::string_view part) {
            bytes += part.size();
            if (++pieces % 10 == 0) {
                running.pause();
                boost::asio::post(io_, [&] { running.resume(); });
            }
        },
        [&](Result<Done> r) { good = r.ok(); });
    ASSERT_TRUE(run_until(io_, [&] { return good.has_value(); }));
    EXPECT_TRUE(*good);
    EXPECT_EQ(bytes, 50 * piece.size());
}

TEST_F(EngineClient, FindsTheErrorOfAPullInsideOfItsStream)
{
    engine([](auto& peer, auto& request) {
        EXPECT_EQ(request.target, "/v1.41/images/create?fromImage=r.example%2Fgame&tag=latest");
        EXPECT_EQ(request.headers.at("x-registry-auth"), "c2VjcmV0");
        peer.begin_chunked();
        peer.chunk("{\"status\":\"Pulling fs layer\",\"progressDetail\":{},\"id\":\"aa\"}\r\n");
        peer.chunk("{\"errorDetail\":{\"message\":\"toomanyrequests: slow\"},\"error\":\"toomany");
        peer.chunk("requests: slow\"}\r\n");
        peer.chunk("");
    });
    int progress = 0;
    const auto out = result<Done>([&](auto then) {
        client().pull(
            "r.example/game", {.registry_auth = "c2VjcmV0"}, [&](const auto&) { ++progress; },
            std::move(then));
    });
    ASSERT_FALSE(out.ok());
    EXPECT_EQ(out.error().cause, Cause::rate_limited);
    EXPECT_EQ(out.error().text.find("c2VjcmV0"), std::string::npos);
    EXPECT_EQ(progress, 1);
}

TEST_F(EngineClient, EndsAStreamOfStatisticsThatIsNotOne)
{
    engine([](auto& peer, auto&) {
        peer.begin_chunked();
        peer.chunk("{\"cpu_stats\":{}}\n<html>\n");
        peer.wait_closed();
    });
    int samples = 0;
    std::optional<Error> error;
    client().follow_stats(
        "game", [&](const auto&) { ++samples; }, [&](auto e) { error = std::move(e); });
    ASSERT_TRUE(run_until(io_, [&] { return error.has_value(); }));
    EXPECT_EQ(samples, 1);
    EXPECT_EQ(error->cause, Cause::bad_answer);
}

} // namespace

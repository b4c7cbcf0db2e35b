// The control's answers while the daemon's loops turn, and while one stands still.
#include "host/app/control.hpp"
#include "host/app/loop_watch.hpp"
#include "host/dispatch/dispatcher.hpp"
#include "host/dispatch/journal/journal.hpp"
#include "host/listener/listener.hpp"
#include "tests/support/caught.hpp"
#include "tests/support/support.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

using namespace agenthost::host;
using namespace agenthost::test;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
namespace asio = boost::asio;

namespace {

struct Answer {
    int status = 0;
    std::string body;
};

struct Controlled : ::testing::Test {
    TempDir dir;
    asio::io_context main{1}, control_io{1};
    asio::executor_work_guard<asio::io_context::executor_type> main_work{main.get_executor()},
        control_work{control_io.get_executor()};
    Registry registry;
    Journal journal{main.get_executor(), {.file = dir / "journal.db"}};
    Dispatcher dispatcher{main.get_executor(), registry, journal, {.agent_id = "n", .version = "1"}};
    Listeners listeners{{&control_io}};
    std::optional<Control> control;
    std::thread main_thread, control_thread;
    // Read by the loops' threads.
    Caught<std::optional<std::chrono::steady_clock::duration>> stalled;
    Caught<bool> ready;
    Caught<std::vector<Condition>> conditions;
    Caught<Reloaded> reload_answer;

    void SetUp() override
    {
        ready.put(true);
        ASSERT_EQ(listeners.add_unix("control", (dir / "s").string()), "");
        control.emplace(main.get_executor(), listeners, dispatcher,
                        ControlHooks{.stalled = [this] { return stalled.get(); },
                                     .status = [] { return std::string{R"({"pid":1})"}; },
                                     .plugins = [] { return std::string{"[]"}; },
                                     .metrics = [] { return std::string{"x 1\n"}; },
                                     .conditions = [this] { return conditions.get(); },
                                     .ready = [this] { return ready.get(); },
                                     .reload = [this](auto done) { done(reload_answer.get()); },
                                     .reconnect = [](const std::string&) { return false; }});
        control->serve("control", false);
        listeners.open();
        control_thread = std::thread{[this] { control_io.run(); }};
    }
    void run_main()
    {
        main_thread = std::thread{[this] { main.run(); }};
    }
    void TearDown() override
    {
        main_work.reset();
        control_work.reset();
        main.stop();
        control_io.stop();
        if (main_thread.joinable()) main_thread.join();
        control_thread.join();
        listeners.forget("host");
        control.reset();
    }
    Answer get(const std::string& path)
    {
        const auto ran = run({"curl", "-sS", "--max-time", "30", "--unix-socket", (dir / "s").string(), "-w",
                              "%{http_code}", "http://localhost" + path});
        EXPECT_EQ(ran.code, 0) << ran.err;
        if (ran.out.size() < 3) return {};
        return {std::stoi(ran.out.substr(ran.out.size() - 3)), ran.out.substr(0, ran.out.size() - 3)};
    }
};

TEST_F(Controlled, IsHealthyWhileTheLoopsTurn)
{
    run_main();
    auto answer = get("/healthz");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "ok\n");
    EXPECT_EQ(get("/metrics").body, "x 1\n");
    EXPECT_EQ(get("/v1/status").body, "{\"pid\":1}\n");
}

// nlohmann copies and writes values recursively: nesting beyond any use is refused before it is parsed.
TEST_F(Controlled, RefusesParametersThatAreNestedTooDeeply)
{
    run_main();
    const auto call = [&](std::size_t depth) {
        const std::string body = R"({"action":"host.ping","params":{"x":)" + std::string(depth, '[') +
                                 std::string(depth, ']') + "}}";
        write_file(dir / "body", body);
        const auto ran = run({"curl", "-sS", "--max-time", "30", "-X", "POST", "--data-binary",
                              "@" + (dir / "body").string(), "--unix-socket", (dir / "s").string(),
                              "http://localhost/v1/call"});
        EXPECT_EQ(ran.code, 0) << ran.err;
        return ran.out;
    };
    EXPECT_THAT(call(200'000), HasSubstr("nested more than 64 levels deep"));
    EXPECT_THAT(call(64), HasSubstr("nested more than 64 levels deep"));
    EXPECT_THAT(call(60), HasSubstr(R"("result")"));
    EXPECT_EQ(get("/healthz").status, 200); // it lives
}

TEST_F(Controlled, ReportsWhatAReloadCouldNotDo)
{
    Reloaded reloaded;
    reloaded.changes = {"listener web: opened"};
    reloaded.notices = {"plugin a: restart agenthost"};
    reloaded.failed = {"plugin b: port 80 is in use"};
    reload_answer.put(reloaded);
    run_main();
    const auto ran = run(
        {"curl", "-sS", "-X", "POST", "--unix-socket", (dir / "s").string(), "http://localhost/v1/reload"});
    EXPECT_THAT(ran.out, HasSubstr(R"("ok":false)"));
    EXPECT_THAT(ran.out, HasSubstr(R"("failed":["plugin b: port 80 is in use"])"));
    EXPECT_THAT(ran.out, HasSubstr(R"("notices":["plugin a: restart agenthost"])"));
}

TEST_F(Controlled, ExplainsWhyItIsNotReady)
{
    run_main();
    EXPECT_EQ(get("/readyz").body, "ready\n");
    ready.put(false);
    conditions.put({Condition{.id = "plugin x", .reason = "gone"}});
    const auto answer = get("/readyz");
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.body, "not ready\nplugin x: gone\n");
}

TEST_F(Controlled, DistinguishesDegradedFromUnhealthy)
{
    run_main();
    EXPECT_THAT(get("/v1/health").body, HasSubstr(R"("status":"healthy")"));
    conditions.put({Condition{.id = "journal", .reason = "full", .grade = Grade::degraded, .since = 5}});
    const auto degraded = get("/v1/health").body;
    for (const char* part :
         {R"("healthy":false)", R"("status":"degraded")", R"("problems":["journal: full"])",
          R"({"grade":"degraded","id":"journal","reason":"full","since":5})"})
        EXPECT_THAT(degraded, HasSubstr(part));
    conditions.put({Condition{.id = "journal", .reason = "full", .grade = Grade::degraded},
                    Condition{.id = "plugin x", .reason = "gone", .grade = Grade::unhealthy}});
    EXPECT_THAT(get("/v1/health").body, HasSubstr(R"("status":"unhealthy")"));
}

TEST_F(Controlled, ReportsAStalledLoop)
{
    stalled.put(12'340ms);
    // The main loop does not run at all here.
    auto answer = get("/healthz");
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.body, "an event loop has stood still for 12.3 s\n");
    for (const char* path : {"/readyz", "/metrics", "/v1/status", "/v1/health"}) {
        answer = get(path);
        EXPECT_EQ(answer.status, 503) << path;
        EXPECT_THAT(answer.body, HasSubstr("stood still for 12.3 s")) << path;
    }
}

TEST(LoopWatched, NoticesALoopThatIsBlockedAndThatItGoesOn)
{
    asio::io_context loop{1};
    LoopWatch watch{{&loop}};
    std::thread thread{[&] { loop.run(); }};
    EXPECT_FALSE(watch.stalled());
    std::atomic<bool> block{true};
    asio::post(loop, [&] {
        while (block) std::this_thread::sleep_for(1ms);
    });
    EXPECT_TRUE(wait_for([&] { return watch.stalled().has_value(); }));
    EXPECT_GT(watch.age(), LoopStamp::stale);
    block = false;
    EXPECT_TRUE(wait_for([&] { return !watch.stalled(); }));
    loop.stop();
    thread.join();
}

} // namespace

#include "host/app/reloader.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

namespace agenthost::host {
namespace {

using namespace std::chrono_literals;

// A reloader whose configuration is never touched: what it applies waits in `applied` until the test answers
// it.
struct ReloaderTest : ::testing::Test {
    boost::asio::io_context main{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{main.get_executor()};
    std::vector<Reloader::Done> applied;
    std::vector<std::string> answers;
    Reloader reloader{
        main.get_executor(), [] { return Reloader::Read{}; },
        [this](const Reloader::Read&, Reloader::Done done) { applied.push_back(std::move(done)); }};

    void request(const std::string& name)
    {
        reloader.request([this, name](const Reloaded& answer) {
            answers.push_back(name + (answer.problems.empty() ? "" : ": " + answer.problems[0]));
        });
    }
    // Until `count` reloads were read and handed over.
    bool run_until(std::size_t count)
    {
        for (int i = 0; i < 1000 && applied.size() < count; ++i) main.run_one_for(10ms);
        return applied.size() == count;
    }
    void TearDown() override { OffThread::wait_for_all(5s); }
};

TEST_F(ReloaderTest, WaitsUntilTheDaemonIsReady)
{
    request("early");
    EXPECT_TRUE(answers.empty());
    reloader.open();
    ASSERT_TRUE(run_until(1));
    applied[0]({});
    EXPECT_EQ(answers, (std::vector<std::string>{"early"}));
}

TEST_F(ReloaderTest, AnswersAllThatCameMeanwhileByOneMoreReload)
{
    reloader.open();
    request("first");
    request("second");
    request("third");
    ASSERT_TRUE(run_until(1));
    applied[0]({});
    EXPECT_EQ(answers, (std::vector<std::string>{"first"}));
    ASSERT_TRUE(run_until(2));
    applied[1]({});
    EXPECT_EQ(answers, (std::vector<std::string>{"first", "second", "third"}));
}

TEST_F(ReloaderTest, RefusesMoreThanItsBound)
{
    for (std::size_t i = 0; i < Reloader::max_waits; ++i) request("waits");
    EXPECT_TRUE(answers.empty());
    request("last");
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(answers[0], "last: too many reloads are waiting for the one that runs; try again later");
}

TEST_F(ReloaderTest, RefusesWhatWaitsWhenTheDaemonStops)
{
    request("waits");
    reloader.close();
    request("late");
    EXPECT_EQ(answers,
              (std::vector<std::string>{"waits: the daemon is stopping", "late: the daemon is stopping"}));
}

TEST(ReloadRequest, NeedsTheFileThatTheStartHad)
{
    ::setenv("AGENTHOST_CONFIG", "/etc/one.yaml", 1);
    Config runs;
    EXPECT_EQ(reload_request({}, runs).file, "") << "the start had no file";
    runs.files = {"/etc/conf.d/10-more.yaml"};
    EXPECT_EQ(reload_request({}, runs).file, "") << "the start had only a fragment";
    runs.files = {"/etc/one.yaml", "/etc/conf.d/10-more.yaml"};
    EXPECT_EQ(reload_request({}, runs).file, "/etc/one.yaml");
    LoadRequest named;
    named.file = "/srv/own.yaml";
    EXPECT_EQ(reload_request(named, runs).file, "/srv/own.yaml");
    EXPECT_EQ(reload_request(named, runs).had_text, runs.files);
    ::unsetenv("AGENTHOST_CONFIG");
}

TEST(PendingRestart, NamesWhatRunsDifferently)
{
    Config runs, wanted;
    EXPECT_TRUE(pending_restart(runs, wanted).empty());
    wanted.agent_id = "node-02";
    wanted.io_threads = runs.io_threads + 1;
    wanted.metrics_bind = "127.0.0.1:9464";
    EXPECT_EQ(pending_restart(runs, wanted),
              (std::vector<std::string>{"agent.id changes at the next start",
                                        "agent.io_threads changes at the next start",
                                        "metrics.bind changes at the next start"}));
}

} // namespace
} // namespace agenthost::host

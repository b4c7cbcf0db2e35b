// Consoles on real engines: no gap and no repeat whoever is killed, and commands that reach the right run.
#include "engine_fixture.hpp"
#include "plugins/docker/console/console.hpp"

#include <boost/asio/thread_pool.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace agenthost::docker::console;
namespace engine = agenthost::docker::engine;
using agenthost::test::Engine;
using agenthost::test::EngineProcess;
using agenthost::test::Process;
using agenthost::test::run_until;
using agenthost::test::TempDir;
using namespace std::chrono_literals;

// Prints `count` numbered lines, a thousand and then a pause.
std::string numbered(int count, const std::string& pause)
{
    return "i=0; while [ $i -lt " + std::to_string(count) +
           " ]; do echo $i of the numbered lines of a game server; i=$((i+1)); case $i in *000) sleep " +
           pause + ";; esac; done";
}

class Consoles : public Engine {
protected:
    void SetUp() override
    {
        log_options_ = R"(,"max-size":"5m","max-file":"5")";
        Engine::SetUp();
    }

    [[nodiscard]] std::unique_ptr<Process> follower(const std::string& container) const
    {
        return std::make_unique<Process>(
            Process::Options{.argv = {agenthost::test::binary_dir() / "tests/docker_follower",
                                      process_->socket(), container, (dir_ / "console").string()}});
    }
    [[nodiscard]] std::unique_ptr<Ring> ring() const
    {
        std::string why;
        auto ring = Ring::open(dir_ / "console", why);
        EXPECT_TRUE(ring) << why;
        return ring;
    }
    // The lines in the ring, put together from their parts.
    static std::vector<std::string> lines_of(const Ring& ring)
    {
        std::vector<std::string> lines;
        for (auto page = ring.read({.offset = 0}); !page.entries.empty();
             page = ring.read({.offset = page.next}))
            for (const auto& entry : page.entries) {
                if (!entry.continues || lines.empty()) lines.emplace_back();
                lines.back() += entry.text;
            }
        return lines;
    }
    // Whether the lines in the ring have consecutive numbers, and on Docker, where an entry is a line, whether
    // the number is the entry's position: a gap or a repeat long ago would have shifted all that follow.
    void expect_numbered(const Ring& ring) const
    {
        auto lines = lines_of(ring);
        const auto first = ring.read({.offset = 0}).first;
        if (first > 0 && !lines.empty()) lines.erase(lines.begin()); // cut, perhaps
        if (!lines.empty()) lines.pop_back();                        // to be continued
        if (lines.empty()) return;
        const int number = std::stoi(lines[0]);
        if (!process_->podman()) {
            ASSERT_EQ(number, static_cast<int>(first) + (first > 0 ? 1 : 0));
        }
        for (std::size_t i = 0; i < lines.size(); ++i)
            ASSERT_EQ(lines[i], std::to_string(number + static_cast<int>(i)) + line_text);
    }
    static constexpr const char* line_text = " of the numbered lines of a game server";
    [[nodiscard]] std::uint64_t stored_bytes() const
    {
        std::uint64_t sum = 0;
        std::error_code gone;
        for (std::filesystem::directory_iterator at{dir_ / "console", gone}, end; !gone && at != end;
             at.increment(gone))
            sum += at->file_size(gone);
        return sum;
    }
    // Kills followers at random moments until the container's log is complete. Returns how many.
    template <class Check> int kill_followers(const std::string& container, unsigned seed, Check check)
    {
        std::mt19937 random{seed};
        for (int killed = 0;; ++killed) {
            const auto before = stored_bytes();
            const auto process = follower(container);
            // Every fourth one gets so far that it stores something, however slow the machine is.
            if (killed % 4 == 3)
                agenthost::test::wait_for([&] { return stored_bytes() != before || !process->running(); });
            if (process->wait(std::chrono::milliseconds{20 + random() % 500})) {
                EXPECT_EQ(process->wait(), 0) << process->out() << process->err();
                return killed;
            }
            process->signal(SIGKILL);
            process->wait();
            check(*ring());
            if (HasFatalFailure()) return killed;
        }
    }

    TempDir dir_;
};

TEST_P(Consoles, HaveNoGapAndNoRepeatWhenTheAgentIsKilledAgainAndAgain)
{
    // On Docker 15 MB: the log is rotated at 5 MB, and nothing is dropped however slow the machine is. On
    // Podman the ring has all lines.
    const int count = process_->podman() ? 12'000 : 200'000;
    create("game", numbered(count, process_->podman() ? "0.5" : "0.1"));
    start("game");
    const int killed = kill_followers("game", 1, [this](const Ring& ring) { expect_numbered(ring); });
    EXPECT_GE(killed, 3);
    const auto stored = ring();
    expect_numbered(*stored);
    EXPECT_EQ(lines_of(*stored).back(), std::to_string(count - 1) + line_text);
    RecordProperty("killed", killed);
    std::printf("killed %d times\n", killed);
}

struct Watched {
    std::vector<std::string> lines;
    std::vector<std::uint64_t> positions;
    std::vector<std::string> trouble;
    int done = 0, complete = 0;

    Console::Handlers handlers()
    {
        return {.on_event =
                    [this](const LogEvent& event) {
                        lines.push_back(event.text);
                        positions.push_back(event.position);
                    },
                .on_done = [this] { ++done; },
                .on_complete = [this] { ++complete; },
                .on_trouble = [this](const std::string& why) { trouble.push_back(why); }};
    }
    [[nodiscard]] bool has(const std::string& text) const
    {
        return std::any_of(lines.begin(), lines.end(),
                           [&](const auto& line) { return line.find(text) != std::string::npos; });
    }
};

std::int64_t now_ns()
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

DoneWatch ready()
{
    return DoneWatch{{[](std::string_view line) { return line == "Done"; }}};
}

TEST_P(Consoles, GiveCommandsToTheRunThatTheyWereMeantFor)
{
    create("game", "echo Done; while read line; do echo got $line; done");
    auto since = now_ns();
    start("game");
    boost::asio::thread_pool pool{1};
    Watched seen;
    Console console{*client_, pool.get_executor(), {.folder = dir_ / "console"}, seen.handlers()};
    const auto send = [&](const std::string& line) {
        std::optional<std::string> out;
        console.send(line, [&](const std::string& why) { out = why; });
        EXPECT_TRUE(run_until(io_, [&] { return out.has_value(); }));
        return out.value_or("no answer");
    };
    EXPECT_NE(send("early").find("not running"), std::string::npos);
    console.follow("game", ready(), since);
    console.started();
    ASSERT_TRUE(run_until(io_, [&] { return seen.done == 1; }));
    EXPECT_EQ(send("hello"), "");
    ASSERT_TRUE(run_until(io_, [&] { return seen.has("got hello"); }));
    EXPECT_NE(send("two\nlines"), "");

    value<engine::Done>([&](auto then) { client_->signal("game", "SIGKILL", std::move(then)); });
    ASSERT_TRUE(run_until(io_, [&] { return seen.complete == 1; }));
    console.ended();
    EXPECT_NE(send("late").find("not running"), std::string::npos);

    since = now_ns();
    start("game");
    console.follow("game", ready(), since);
    console.started();
    ASSERT_TRUE(run_until(io_, [&] { return seen.done == 2; }));
    EXPECT_EQ(send("again"), "");
    ASSERT_TRUE(run_until(io_, [&] { return seen.has("got again"); }));
    EXPECT_FALSE(seen.has("got late"));
    EXPECT_TRUE(seen.trouble.empty());
    stop("game", 0ms);
    ASSERT_TRUE(run_until(io_, [&] { return seen.complete == 2; }));

    std::optional<Page> page;
    console.read({.tail = 10}, [&](Page got) { page = std::move(got); });
    ASSERT_TRUE(run_until(io_, [&] { return page.has_value(); }));
    std::vector<std::string> texts;
    for (const auto& entry : page->entries) texts.push_back(entry.text);
    EXPECT_EQ(texts, (std::vector<std::string>{"Done", "got hello", "Done", "got again"}));
    bool stopped = false;
    console.stop([&] { stopped = true; });
    ASSERT_TRUE(run_until(io_, [&] { return stopped; }));
}

TEST_P(Consoles, FindTheDoneLineThatAnEarlierAgentHasRead)
{
    create("game", "echo Done; sleep 60");
    const auto since = now_ns();
    start("game");
    boost::asio::thread_pool pool{1};
    for (int agent = 0; agent < 2; ++agent) {
        Watched seen;
        Console console{*client_, pool.get_executor(), {.folder = dir_ / "console"}, seen.handlers()};
        console.follow("game", ready(), since);
        EXPECT_TRUE(run_until(io_, [&] { return seen.done == 1; })) << agent;
        if (agent == 0) {
            ASSERT_TRUE(run_until(io_, [&] { return seen.has("Done"); }));
        }
        bool stopped = false;
        console.stop([&] { stopped = true; });
        ASSERT_TRUE(run_until(io_, [&] { return stopped; }));
    }
    stop("game", 0ms);
}

INSTANTIATE_TEST_SUITE_P(Docker, Consoles, testing::Values(EngineProcess::Kind::docker));
INSTANTIATE_TEST_SUITE_P(Podman, Consoles, testing::Values(EngineProcess::Kind::podman));

class DockerConsoles : public Consoles {
protected:
    void SetUp() override
    {
        engine_arguments_ = {"--live-restore"};
        Consoles::SetUp();
    }
    // A container survives the end of its engine.
    void TearDown() override
    {
        if (client_) remove("game");
    }
};

// The engine itself may lose or tear its newest messages when it is killed: its log is what counts.
TEST_P(DockerConsoles, AgreeWithTheLogOfAnEngineThatWasKilled)
{
    create("game", numbered(30'000, "0.2"));
    start("game");
    std::jthread killer{[this] {
        for (int i = 0; i < 2; ++i) {
            std::this_thread::sleep_for(1500ms);
            process_->kill();
            process_->start();
        }
    }};
    const int killed = kill_followers("game", 2, [](const Ring&) {});
    killer.join();
    std::vector<std::string> log;
    bool ended = false;
    client_->logs("game", {.follow = false},
                  {.on_open = {},
                   .on_part = [&](const engine::LogPart& part) { log.emplace_back(part.text); },
                   .on_end =
                       [&](const auto& error) {
                           EXPECT_FALSE(error) << error->text;
                           ended = true;
                       }});
    ASSERT_TRUE(run_until(io_, [&] { return ended; }));
    const auto stored = ring();
    EXPECT_EQ(stored->mark().next, log.size());
    std::size_t compared = 0;
    for (auto page = stored->read({.offset = 0}); !page.entries.empty();
         page = stored->read({.offset = page.next}))
        for (const auto& entry : page.entries) {
            ASSERT_LT(entry.position, log.size());
            ASSERT_EQ(entry.text, log[entry.position]);
            ++compared;
        }
    EXPECT_GT(compared, 1000u);
    std::printf("killed %d times, the engine twice; its log has %zu of 30000 lines\n", killed, log.size());
}

// The cost is printed, not checked: 2 cores are shared with whatever else runs.
TEST_P(DockerConsoles, ReadAllOfAFloodOf50Megabytes)
{
    constexpr std::uint64_t count = 540'000;
    log_options_.clear(); // 100 MB: rotation drops nothing
    create(
        "game",
        "yes [12:00:00] [Server thread/INFO]: a line of a flood that a game server prints when it is broken |"
        " head -n 540000");
    start("game");
    const auto process = follower("game");
    ASSERT_EQ(process->wait(150s), 0) << process->err();
    EXPECT_EQ(ring()->mark().next, count);
    std::printf("%s", process->out().c_str());
}

INSTANTIATE_TEST_SUITE_P(Docker, DockerConsoles, testing::Values(EngineProcess::Kind::docker));

} // namespace

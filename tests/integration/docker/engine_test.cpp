// The client against real engines: the whole life of a container on each.
#include "engine_fixture.hpp"
#include "plugins/docker/engine/client.hpp"
#include "plugins/docker/engine/event_stream.hpp"
#include "tests/support/asio_loop.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace {

using namespace agenthost::docker::engine;
using agenthost::test::Engine;
using agenthost::test::EngineProcess;
using agenthost::test::run_until;
using namespace std::chrono_literals;

struct Log {
    std::vector<std::string> lines;
    std::optional<Error> error;
    bool ended = false, open = false;
    LogReading reading{{}, std::make_shared<LogResume>()};

    void follow(Client& client, const std::string& name, LogOptions options = {})
    {
        ended = false;
        reading = client.logs(name, options,
                              {.on_open = {},
                               .on_part = [this](const LogPart& part) { add(part); },
                               .on_end = [this](auto e) { ended = true, error = std::move(e); }});
    }
    // Podman cuts a line wherever its reading of the container's output has ended.
    void add(const LogPart& part)
    {
        if (!std::exchange(open, !part.ends_line)) lines.emplace_back();
        lines.back() += part.text;
    }
    [[nodiscard]] bool has(const std::string& line) const
    {
        return std::find(lines.begin(), lines.end(), line) != lines.end();
    }
};

constexpr const char* game = "echo Done; while read line; do echo got $line; done";

TEST_P(Engine, TellsWhatItIs)
{
    const auto facts = value<EngineFacts>([&](auto then) { client_->probe(std::move(then)); });
    EXPECT_EQ(facts.podman, process_->podman());
    EXPECT_FALSE(facts.version.empty());
    EXPECT_GE(*read_api_version(facts.used_api), oldest_api);
    EXPECT_TRUE(facts.cgroup_version == 1 || facts.cgroup_version == 2);
    EXPECT_GT(facts.memory, 0u);
    EXPECT_TRUE(result<Done>([&](auto then) { client_->ping(std::move(then)); }).ok());
    const auto image =
        value<ImageFacts>([&](auto then) { client_->image(process_->image(), std::move(then)); });
    EXPECT_GT(image.size, 0u);
    const auto absent = result<ImageFacts>([&](auto then) { client_->image("absent:1", std::move(then)); });
    ASSERT_FALSE(absent.ok());
    EXPECT_EQ(absent.error().cause, Cause::no_such_image);
}

TEST_P(Engine, RunsAContainerFromCreationToRemoval)
{
    std::vector<Event> events;
    bool open = false;
    EventStream stream{*client_,
                       "agenthost.server",
                       {.on_open = [&](const auto&) { open = true; },
                        .on_event = [&](const Event& event) { events.push_back(event); },
                        .on_away = [](const Error& error) { ADD_FAILURE() << error.text; }}};
    stream.start();
    ASSERT_TRUE(run_until(io_, [&] { return open; }));

    create("game", game);
    EXPECT_FALSE(inspect("game").running);
    start("game");
    EXPECT_TRUE(value<Started>([&](auto then) { client_->start("game", std::move(then)); }).was_running);
    const auto facts = inspect("game");
    EXPECT_TRUE(facts.running);
    EXPECT_TRUE(facts.open_stdin);
    EXPECT_GT(facts.pid, 0);
    EXPECT_GT(facts.started_ns, 0);
    EXPECT_EQ(facts.labels.at("agenthost.server"), "7");

    const auto rows = value<std::vector<ContainerRow>>(
        [&](auto then) { client_->list("agenthost.server=7", std::move(then)); });
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_EQ(rows[0].name, "game");
    EXPECT_TRUE(value<std::vector<ContainerRow>>([&](auto then) {
                    client_->list("agenthost.server=8", std::move(then));
                }).empty());

    Log log;
    log.follow(*client_, "game");
    ASSERT_TRUE(run_until(io_, [&] { return log.has("Done"); }));
    bool attached = false, detached = false;
    const auto input = client_->attach_input(
        "game",
        {.on_open = [&] { attached = true; }, .on_sent = {}, .on_end = [&](auto) { detached = true; }});
    ASSERT_TRUE(run_until(io_, [&] { return attached || detached; }));
    ASSERT_TRUE(input.send("hello\n"));
    ASSERT_TRUE(run_until(io_, [&] { return log.has("got hello"); })) << log.lines.size();

    stop("game", 1s); // a shell as process 1 ignores SIGTERM: it is killed
    ASSERT_TRUE(run_until(io_, [&] { return log.ended; }));
    // Docker keeps an attachment of the input alone open after the container's end.
    input.cancel();
    ASSERT_TRUE(run_until(io_, [&] { return detached; }));
    EXPECT_FALSE(log.error) << log.error->text;
    EXPECT_FALSE(inspect("game").running);
    remove("game");
    EXPECT_TRUE(value<Removed>([&](auto then) { client_->remove("game", {}, std::move(then)); }).was_absent);
    ASSERT_TRUE(run_until(io_, [&] { return !events.empty() && events.back().action == "destroy"; }));
    std::set<std::string> actions;
    for (const auto& event : events) actions.insert(event.action);
    for (const char* action : {"create", "start", "die", "destroy"})
        EXPECT_TRUE(actions.contains(action)) << action;
    const auto died = std::find_if(events.begin(), events.end(), [](auto& e) { return e.action == "die"; });
    EXPECT_EQ(died->exit_code, 137);
}

TEST_P(Engine, ContinuesALogWithoutGapAndRepeat)
{
    create("game", "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done");
    start("game");
    Log log;
    // Ended anywhere, and continued.
    for (std::size_t i = 1; i <= 20; ++i) {
        log.follow(*client_, "game", {.from = log.reading.position()});
        run_until(io_, [&] { return log.lines.size() >= i * 100 || log.ended; });
        log.reading.cancel();
        ASSERT_TRUE(run_until(io_, [&] { return log.ended; }));
        EXPECT_FALSE(log.reading.gap());
    }
    log.follow(*client_, "game", {.from = log.reading.position()});
    ASSERT_TRUE(run_until(io_, [&] { return log.ended; }));
    EXPECT_FALSE(log.error) << log.error->text;
    for (std::size_t i = 0; i < log.lines.size(); ++i) ASSERT_EQ(log.lines[i], "line " + std::to_string(i));
    EXPECT_EQ(log.lines.size(), 3000u);
}

TEST_P(Engine, ReadsLinesOfATerminal)
{
    create("game", "echo one; echo two; sleep 60", true);
    start("game");
    ASSERT_TRUE(inspect("game").tty);
    Log log;
    log.follow(*client_, "game", {.tty = true});
    ASSERT_TRUE(run_until(io_, [&] { return log.has("two"); }));
    EXPECT_EQ(log.lines, (std::vector<std::string>{"one", "two"}));
    log.reading.cancel();
    run_until(io_, [&] { return log.ended; });
    stop("game", 0ms);
}

TEST_P(Engine, MeasuresAContainer)
{
    create("game", "while true; do :; done");
    start("game");
    std::vector<StatsSample> samples;
    bool ended = false;
    const auto stream = client_->follow_stats(
        "game", [&](const StatsSample& sample) { samples.push_back(sample); }, [&](auto) { ended = true; });
    ASSERT_TRUE(run_until(io_, [&] { return samples.size() >= 3 || ended; }));
    ASSERT_FALSE(ended);
    const auto use = use_between(samples.front(), samples.back());
    EXPECT_GT(use.cpu_percent, 1);
    EXPECT_LT(use.cpu_percent, 150); // one loop is at most one core
    EXPECT_GT(use.memory, 0u);
    stream.cancel();
    const auto once = value<StatsSample>([&](auto then) { client_->stats("game", std::move(then)); });
    EXPECT_GT(once.cpu_ns, 0u);
    stop("game", 0ms);
}

TEST_P(Engine, CopiesArchivesInAndOut)
{
    create("game", "cat /data/file; sleep 60");
    agenthost::test::TempDir dir;
    agenthost::test::write_file(dir / "file", "content of the file\n");
    const auto tar = dir / "a.tar";
    ASSERT_EQ(agenthost::test::run({"tar", "-C", dir.path().string(), "-cf", tar.string(), "file"}).code, 0);
    const auto bytes = agenthost::test::read_file(tar);
    value<Done>([&](auto then) {
        const auto sending = client_->put_archive("game", "/data", {}, std::move(then));
        EXPECT_TRUE(sending.send(bytes));
        sending.finish();
    });
    std::string back;
    value<Done>([&](auto then) {
        client_->get_archive(
            "game", "/data/file", [&](std::string_view piece) { back += piece; }, std::move(then));
    });
    EXPECT_NE(back.find("content of the file\n"), std::string::npos);
    start("game");
    Log log;
    log.follow(*client_, "game");
    EXPECT_TRUE(run_until(io_, [&] { return log.has("content of the file"); }));
    const auto absent = result<Done>([&](auto then) {
        client_->get_archive(
            "game", "/absent", [](auto) {}, std::move(then));
    });
    EXPECT_FALSE(absent.ok());
    stop("game", 0ms);
}

TEST_P(Engine, NamesTheCauseOfAFailure)
{
    EXPECT_EQ(
        result<ContainerFacts>([&](auto then) { client_->inspect("absent", std::move(then)); }).error().cause,
        Cause::not_found);
    EXPECT_EQ(result<Started>([&](auto then) { client_->start("absent", std::move(then)); }).error().cause,
              Cause::not_found);
    create("game", "true");
    EXPECT_EQ(
        result<Done>([&](auto then) { client_->signal("game", "SIGTERM", std::move(then)); }).error().cause,
        Cause::conflict);
    const auto again =
        result<Created>([&](auto then) { client_->create("game", body("true"), std::move(then)); });
    ASSERT_FALSE(again.ok());
    EXPECT_EQ(again.error().cause, Cause::conflict) << again.error().text;
    const auto image = result<Created>(
        [&](auto then) { client_->create("other", R"({"Image":"absent:1"})", std::move(then)); });
    ASSERT_FALSE(image.ok());
    EXPECT_EQ(image.error().cause, Cause::no_such_image) << image.error().text;
    const auto pull =
        result<Done>([&](auto then) { client_->pull("127.0.0.1:1/absent:1", {}, {}, std::move(then)); });
    ASSERT_FALSE(pull.ok());
    EXPECT_EQ(pull.error().cause, Cause::registry_unreachable) << pull.error().text;
    value<Done>([&](auto then) { client_->rename("game", "renamed", std::move(then)); });
    EXPECT_EQ(inspect("renamed").name, "renamed");
}

TEST_P(Engine, IsFoundAgainAfterItWasKilled)
{
    std::vector<EventStream::Opened> opened;
    std::vector<std::string> away, actions;
    EventStream stream{*client_,
                       "",
                       {.on_open = [&](const auto& o) { opened.push_back(o); },
                        .on_event = [&](const Event& event) { actions.push_back(event.action); },
                        .on_away = [&](const Error& error) { away.push_back(error.text); }}};
    stream.start();
    ASSERT_TRUE(run_until(io_, [&] { return opened.size() == 1; }));
    process_->kill();
    ASSERT_TRUE(run_until(io_, [&] { return away.size() == 1; }));
    const auto absent = result<ContainerFacts>([&](auto then) { client_->inspect("game", std::move(then)); });
    EXPECT_EQ(absent.error().cause, Cause::unreachable) << absent.error().text;
    process_->start();
    ASSERT_TRUE(run_until(io_, [&] { return opened.size() == 2; }));
    EXPECT_TRUE(opened[1].restarted);
    EXPECT_FALSE(opened[1].first);
    EXPECT_EQ(away.size(), 1u);
    create("game", "true");
    EXPECT_TRUE(run_until(io_, [&] { return std::count(actions.begin(), actions.end(), "create") == 1; }));
}

INSTANTIATE_TEST_SUITE_P(Docker, Engine, testing::Values(EngineProcess::Kind::docker));
INSTANTIATE_TEST_SUITE_P(Podman, Engine, testing::Values(EngineProcess::Kind::podman));

} // namespace

// Servers print numbered lines while the agent and the engine are killed at random moments: no line is lost
// or repeated. 8 kills of the agent and one of the engine under 4 servers; with AGENTHOST_PROOF 200 and 20
// under 20.
#include "proof_rig.hpp"

#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>

using namespace agenthost::test;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

class Kills : public DockerProof {
protected:
    const bool whole_ = std::getenv("AGENTHOST_PROOF") != nullptr;
    const int servers_ = whole_ ? 20 : 4, agents_ = whole_ ? 200 : 8, engines_ = whole_ ? 20 : 1;
    std::mt19937 random_{static_cast<unsigned>(std::time(nullptr))};

    void pause(int most) { std::this_thread::sleep_for(std::chrono::milliseconds{random_() % most}); }
    // Half of the agents live just long enough to read a little.
    void kill_all()
    {
        int engines = 0;
        for (int agent = 0; agent < agents_; ++agent) {
            if (random_() % 2 == 0) {
                ASSERT_TRUE(ready()) << agent_->log();
            }
            pause(1200);
            const bool with_engine = (agent + 1) * engines_ / agents_ > engines;
            if (with_engine) {
                ++engines;
                engine_->kill();
                pause(500);
                if (random_() % 2 == 0) engine_->start(); // else the next agent finds none
            }
            if (with_engine) pause(1500);
            kill_agent();
            pause(300);
            start_agent();
            if (with_engine) engine_->start();
        }
        ASSERT_EQ(engines, engines_);
    }

    struct Sum {
        std::size_t lines = 0, gaps = 0, repeats = 0, in_events = 0, events_again = 0, engine_lost = 0;
    } sum_;

    // The console against the log that the engine has: entry N is its line N.
    void compare(const std::string& server, const std::string& container)
    {
        const auto log = engine_log(container);
        std::map<std::uint64_t, std::string> ours;
        wait_for([&] { return (ours = console(server)).size() >= log.size(); }, 20s);
        sum_.lines += log.size();
        if (ours.size() < log.size()) sum_.gaps += log.size() - ours.size();
        if (ours.size() > log.size()) sum_.repeats += ours.size() - log.size();
        for (const auto& [position, text] : ours) {
            ASSERT_LT(position, log.size()) << server << text;
            ASSERT_EQ(text, log[position]) << server << " at " << position;
        }
        const Told events = told(server);
        EXPECT_TRUE(events.wrong.empty())
            << server << " has " << events.wrong.size() << ": " << events.wrong[0];
        for (const auto& [position, text] : events.lines) {
            ASSERT_LT(position, log.size()) << server << text;
            ASSERT_EQ(text, log[position]) << server << " at " << position;
        }
        sum_.in_events += events.lines.size();
        sum_.events_again += events.again;
        count_numbers(log);
    }
    // What the engine itself lost when it was killed.
    void count_numbers(const std::vector<std::string>& log)
    {
        int last = 0;
        for (const std::string& line : log) {
            if (!line.starts_with("tick ")) continue;
            const int number = std::atoi(line.c_str() + 5);
            if (number != last + 1) ++sum_.engine_lost;
            last = number;
        }
    }
};

TEST_F(Kills, OfAgentAndEngineLeaveNoGapAndNoRepeatInConsoles)
{
    begin({"--live-restore"});
    if (IsSkipped()) return;
    start_agent();
    ASSERT_TRUE(ready()) << agent_->log();
    run_servers(servers_, {{"environment", {{"TICK", "50"}}}, {"limits", {{"memory", "32m"}, {"cpu", "1"}}}});
    if (HasFatalFailure()) return;
    std::map<std::string, std::string> containers;
    for (int i = 0; i < servers_; ++i) containers[name(i)] = status(name(i))["containerId"];
    kill_all();
    if (HasFatalFailure()) return;
    ASSERT_TRUE(ready()) << agent_->log();
    for (const auto& [server, container] : containers) {
        ASSERT_TRUE(wait_for([&] { // each server's input works again
            return panel_->call("send_command", server, {{"command", "tick 0"}}).value("success", false);
        })) << status(server);
        EXPECT_EQ(status(server)["containerId"], container);
        panel_->call("send_command", server, {{"command", "say quiet"}});
        ASSERT_TRUE(wait_for([&] { // it prints nothing any more
            const auto lines = console(server);
            return !lines.empty() && lines.rbegin()->second == "[INFO]: quiet";
        })) << server;
    }
    for (const auto& [server, container] : containers) compare(server, container);
    EXPECT_EQ(sum_.gaps, 0u);
    EXPECT_EQ(sum_.repeats, 0u);
    std::printf("%d kills of the agent, %d of the engine, %d servers: %zu lines, %zu gaps, %zu repeats; "
                "%zu lines in events (%zu told again at their position); the engine itself lost lines %zu "
                "times\n",
                agents_, engines_, servers_, sum_.lines, sum_.gaps, sum_.repeats, sum_.in_events,
                sum_.events_again, sum_.engine_lost);
}

} // namespace

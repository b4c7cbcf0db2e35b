// Random power actions in bursts against a model: each is answered once, and what the engine did is what the
// answers say. 18 actions over 3 servers; with AGENTHOST_PROOF 1,000 over 8. Each tenth command is sent twice
// with one id, as after a connection that broke.
#include "power_model.hpp"
#include "proof_rig.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <thread>

using namespace agenthost::test;
using nlohmann::json;
using namespace std::chrono_literals;

namespace {

class PowerActions : public DockerProof {
protected:
    // One server's share, on a thread of its own.
    struct Share {
        std::string server;
        int actions = 0;
        unsigned seed = 0;
        PowerModel model;
        std::vector<std::string> wrong;
        std::map<std::string, int> answers;
        std::vector<std::string> ids;
    };

    static Answer answer_of(const json& frame)
    {
        if (frame.value("success", false)) return Answer::ok;
        const std::string code = frame.contains("error") ? frame["error"].value("code", "") : "";
        if (code == "BUSY") return Answer::busy;
        return code == "CANCELLED" ? Answer::cancelled : Answer::other;
    }
    void burst(Share& share, std::mt19937& random)
    {
        static const char* const actions[] = {"start_server", "start_server", "stop_server", "restart_server",
                                              "kill_server"};
        std::vector<Command> commands(
            std::min<std::size_t>(1 + random() % 4, static_cast<std::size_t>(share.actions)));
        const auto first = share.ids.size();
        for (Command& command : commands) {
            command.action = actions[random() % std::size(actions)];
            share.ids.push_back(
                panel_->send(command.action, share.server, nullptr, random() % 10 == 0 ? 2 : 1));
            if (random() % 3 == 0) std::this_thread::sleep_for(std::chrono::milliseconds{random() % 1000});
        }
        std::string said;
        int last = 0;
        for (std::size_t i = 0; i < commands.size(); ++i) {
            const auto answers = panel_->answers(share.ids[first + i]);
            const json frame = answers.empty() ? json{} : answers[0].frame;
            if (frame.is_object()) commands[i].answer = answer_of(frame);
            if (commands[i].answer == Answer::ok)
                last = std::max(last, frame.value("data", json::object()).value("actionNumber", 0));
            ++share.answers[commands[i].answer == Answer::ok     ? "done"
                            : commands[i].answer == Answer::busy ? "BUSY"
                                                                 : "CANCELLED"];
            said += " " + commands[i].action + " " + frame.dump() + "\n";
        }
        share.actions -= static_cast<int>(commands.size());
        const std::string wrong = share.model.burst(commands);
        if (!wrong.empty()) share.wrong.push_back(wrong + ":\n" + said);
        const std::string wanted = share.model.runs() ? "running" : "offline";
        // The status alone may be that of before: a restart that waits is yet to begin.
        const bool done = wait_for([&] {
            const json now = status(share.server);
            if (now.value("status", "") == wanted && now.value("actionNumber", 0) >= last) return true;
            std::this_thread::sleep_for(std::chrono::milliseconds{50});
            return false;
        });
        if (!done)
            share.wrong.push_back("is " + status(share.server).dump() + ", not " + wanted + " after\n" +
                                  said);
    }
    void play(Share& share)
    {
        std::mt19937 random{share.seed};
        while (share.actions > 0 && share.wrong.empty()) burst(share, random);
    }
    // How often the engine started a container of the server.
    static int starts(const std::string& events, const std::string& server)
    {
        int count = 0;
        const std::string name = R"("name":"agenthost-)" + server + "\"";
        for (auto at = events.find(name); at != std::string::npos; at = events.find(name, at + 1)) ++count;
        return count;
    }
    void judge(Share& share, const std::string& events)
    {
        for (const std::string& wrong : share.wrong) ADD_FAILURE() << share.server << ": " << wrong;
        for (const std::string& id : share.ids)
            EXPECT_EQ(panel_->answers(id).size(), 1u) << "answers to " << id << " of " << share.server;
        const int count = starts(events, share.server);
        EXPECT_GE(count, share.model.least_starts()) << share.server << ": a start was lost";
        EXPECT_LE(count, share.model.most_starts()) << share.server << ": something was started twice";
        least_ += share.model.least_starts();
        most_ += share.model.most_starts();
        started_ += count;
        for (const auto& [answer, times] : share.answers) answers_[answer] += times;
    }

    int least_ = 0, most_ = 0, started_ = 0;
    std::map<std::string, int> answers_;
};

TEST_F(PowerActions, AtRandomAreNeitherLostNorCarriedOutTwice)
{
    begin();
    if (IsSkipped()) return;
    start_agent();
    ASSERT_TRUE(ready()) << agent_->log();
    const bool whole = std::getenv("AGENTHOST_PROOF") != nullptr;
    const int servers = whole ? 8 : 3, actions = whole ? 1000 : 18;
    // The engine remembers few events: they are read as they arrive.
    const Process reader{
        {.argv = {"curl", "-sN", "--unix-socket", engine_->socket(), "-G", "--data-urlencode",
                  R"(filters={"type":["container"],"event":["start"]})", "http://engine/v1.41/events"},
         .out = dir_ / "events"}};
    std::vector<Share> shares(static_cast<std::size_t>(servers));
    const auto seed = static_cast<unsigned>(std::time(nullptr));
    for (int i = 0; i < servers; ++i) {
        auto& share = shares[static_cast<std::size_t>(i)];
        share.server = name(i);
        share.actions = actions / servers;
        share.seed = seed + static_cast<unsigned>(i);
        const json made = panel_->call("create_server", share.server, GameEngine::egg(share.server));
        ASSERT_TRUE(made.value("success", false)) << made;
        ASSERT_TRUE(is(share.server, "offline"));
    }
    {
        std::vector<std::jthread> threads;
        for (Share& share : shares) threads.emplace_back([this, &share] { play(share); });
    }
    std::this_thread::sleep_for(1s); // what was done twice would show by now
    const std::string events = read_file(dir_ / "events");
    for (Share& share : shares) judge(share, events);
    std::printf("%d actions over %d servers, seed %u: %d done, %d BUSY, %d CANCELLED; %d starts, %d to %d "
                "expected\n",
                actions, servers, seed, answers_["done"], answers_["BUSY"], answers_["CANCELLED"], started_,
                least_, most_);
}

} // namespace

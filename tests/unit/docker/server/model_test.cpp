// A thousand random power actions on a simulated engine that is slow, loses events, restarts and kills its
// containers, under an agent that is restarted at any time. No action is lost, none takes effect twice, and
// the last one decides.
#include "tests/unit/docker/server/effect_text.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <random>
#include <set>

using namespace agenthost::docker_test;

namespace {

class World {
public:
    explicit World(unsigned seed) : random_{seed}
    {
        settings_ = settings();
        settings_.stop_timeout = milliseconds{2'000};
        settings_.crash_limits = {milliseconds{100}, milliseconds{2'000}, 100'000, milliseconds{600'000}};
        stored_ = installed();
        boot();
        sweep();
    }

    void run(int actions)
    {
        for (int i = 0; i < actions; ++i) {
            pass(milliseconds{static_cast<long>(below(10) == 0 ? below(20'000) : below(600))});
            act(std::to_string(i));
            trouble();
        }
        calm_ = true;
        pass(milliseconds{600'000});
    }

    void check()
    {
        EXPECT_TRUE(pending_.empty()) << *pending_.begin() << " was never answered";
        EXPECT_EQ(machine_->record().goal, Goal::none) << machine_->describe();
        EXPECT_EQ(machine_->record().wants_running, wanted()) << machine_->describe();
        EXPECT_EQ(server_.is == Container::running, wanted()) << machine_->describe();
        EXPECT_EQ(machine_->state(), wanted() ? State::running : State::offline) << machine_->describe();
        EXPECT_LE(starts_, starting_actions_ + accidents_) << "a start took effect twice";
        EXPECT_LE(ends_, ending_actions_) << "a stop took effect twice";
        EXPECT_GT(answers_, 500);
    }

private:
    using Event = std::function<void()>;
    struct Accepted {
        std::string id;
        bool wants = false;
    };

    unsigned below(unsigned n) { return random_() % n; }
    bool rarely(unsigned of) { return !calm_ && below(of) == 0; }
    void after(milliseconds delay, Event event)
    {
        queue_.emplace(std::pair{now_ + delay, ++sequence_}, std::move(event));
    }
    void pass(milliseconds time)
    {
        const milliseconds until = now_ + time;
        while (!queue_.empty() && queue_.begin()->first.first <= until) {
            now_ = queue_.begin()->first.first;
            const Event event = std::move(queue_.begin()->second);
            queue_.erase(queue_.begin());
            event();
        }
        now_ = until;
    }

    // The agent -------------------------------------------------------------------------------------------

    void boot()
    {
        ++agent_;
        timer_versions_.clear();
        machine_ = std::make_unique<Machine>(settings_, stored_);
        // Nobody waits for the answers; what was saved is what counts.
        base_ = stored_.wants_running;
        accepted_.clear();
        pending_.clear();
        if (up_) step(Back{std::exchange(engine_restarted_, false)});
    }
    // The shell looks at all containers now and then, since events get lost.
    void sweep()
    {
        after(milliseconds{5'000}, [this] {
            step(EngineEvent{});
            sweep();
        });
    }
    void step(const Input& input)
    {
        const int agent = agent_;
        for (const Effect& effect : machine_->step(input, now_)) carry_out(effect, agent);
    }
    void carry_out(const Effect& effect, int agent)
    {
        if (const auto* save = std::get_if<Save>(&effect)) stored_ = save->record;
        if (const auto* call = std::get_if<Call>(&effect)) return send(*call, agent);
        if (const auto* answer = std::get_if<Answer>(&effect)) return answered(*answer);
        if (const auto* disarm = std::get_if<Disarm>(&effect)) ++timer_versions_[disarm->timer];
        if (const auto* arm = std::get_if<Arm>(&effect)) {
            const int version = ++timer_versions_[arm->timer];
            after(arm->after, [this, agent, version, timer = arm->timer] {
                if (agent == agent_ && timer_versions_[timer] == version) step(Fired{timer});
            });
        }
    }
    void answered(const Answer& answer)
    {
        ++answers_;
        EXPECT_EQ(pending_.erase(answer.id), 1u) << answer.id << " was answered twice";
        EXPECT_NE(answer.verdict, Verdict::failed) << answer.problem.message;
        if (answer.verdict == Verdict::ok) return;
        std::erase_if(accepted_, [&](const Accepted& each) { return each.id == answer.id; });
        if (answer.verdict == Verdict::refused) (last_starts_ ? starting_actions_ : ending_actions_) -= 1;
        if (answer.verdict == Verdict::refused && last_both_) --ending_actions_;
    }
    [[nodiscard]] bool wanted() const { return accepted_.empty() ? base_ : accepted_.back().wants; }

    void act(const std::string& id)
    {
        Power power{id};
        constexpr Action actions[] = {Action::start, Action::stop, Action::restart, Action::kill,
                                      Action::install};
        power.action = actions[below(below(4) == 0 ? 5 : 4)];
        power.then_start = power.action == Action::install && below(2) == 0;
        if (below(8) == 0) power.stop.timeout = milliseconds{0};
        const bool starts =
            power.action == Action::start || power.action == Action::restart || power.then_start;
        last_starts_ = starts;
        last_both_ = starts && power.action != Action::start;
        starting_actions_ += starts;
        ending_actions_ += power.action != Action::start;
        pending_.insert(id);
        accepted_.push_back({id, starts});
        step(power);
        if (rarely(10)) step(Cancel{id});
    }

    // The engine ------------------------------------------------------------------------------------------

    void send(const Call& call, int agent)
    {
        if (!up_) {
            ADD_FAILURE() << "a call while the engine is away";
            return;
        }
        const int engine = engine_;
        after(milliseconds{1 + static_cast<long>(rarely(20) ? below(3'000) : below(40))},
              [this, call, agent, engine] {
                  if (engine != engine_) return; // died with the engine
                  const bool may_hang =
                      call.verb == Verb::inspect || call.verb == Verb::kill || call.verb == Verb::signal;
                  if (may_hang && rarely(50)) return reply(call, agent, Outcome::deadline);
                  reply(call, agent, carry_out_call(call.verb));
              });
    }
    void reply(const Call& call, int agent, Outcome outcome)
    {
        if (agent != agent_) return; // the request was carried out nevertheless
        const Problem problem{outcome == Outcome::ok ? "" : "DOCKER_ERROR", ""};
        if (call.verb == Verb::inspect)
            step(Seen{call.number, outcome, {server_, {}}, problem});
        else
            step(Done{call.number, outcome, problem});
    }
    Outcome carry_out_call(Verb verb)
    {
        const bool alive = server_.is == Container::running;
        switch (verb) {
        case Verb::create:
            if (!alive) server_ = {Container::created, ""};
            return Outcome::ok;
        case Verb::start:
            if (server_.is == Container::absent) return Outcome::not_found;
            if (!alive) {
                server_ = running("run" + std::to_string(++starts_));
                event();
            }
            return Outcome::ok;
        case Verb::kill:
            if (!alive) return Outcome::not_found;
            if (!rarely(20)) end(137, true); // else it hangs in the kernel
            return Outcome::ok;
        case Verb::signal:
            if (!alive) return Outcome::not_found;
            if (!rarely(5))
                after(milliseconds{static_cast<long>(below(1'500))}, [this, run = server_.run] {
                    if (server_.is == Container::running && server_.run == run) end(143, true);
                });
            return Outcome::ok;
        default: return Outcome::ok;
        }
    }
    void end(int code, bool asked)
    {
        server_ = exited(server_.run, code);
        (asked ? ends_ : accidents_) += 1;
        event();
    }
    void event()
    {
        if (!rarely(10)) after(milliseconds{static_cast<long>(below(5))}, [this] { step(EngineEvent{}); });
    }

    void trouble()
    {
        const bool alive = server_.is == Container::running;
        switch (below(40)) {
        case 0:
            if (alive) end(1, false);
            return;
        case 1: // by hand; a start that finds nothing afterwards fails, which is right
            if (alive && machine_->record().goal != Goal::start) {
                server_ = {};
                ++accidents_;
                event();
            }
            return;
        case 2: return engine_restarts(below(2) == 0);
        case 3: return stream_breaks();
        case 4: return boot();
        default: return;
        }
    }
    void engine_restarts(bool live_restore)
    {
        if (!up_) return;
        up_ = false;
        ++engine_;
        step(Away{});
        after(milliseconds{static_cast<long>(below(15'000))}, [this, live_restore] {
            if (server_.is == Container::running && !live_restore) {
                server_ = exited(server_.run, 137);
                ++accidents_;
            }
            up_ = engine_restarted_ = true;
            step(Back{std::exchange(engine_restarted_, false)});
        });
    }
    // The calls in flight are lost for us but are still carried out.
    void stream_breaks()
    {
        if (!up_) return;
        step(Away{});
        step(Back{});
    }

    std::mt19937 random_;
    Settings settings_;
    Record stored_;
    std::unique_ptr<Machine> machine_;
    int agent_ = 0, engine_ = 0;
    std::map<Timer, int> timer_versions_;

    milliseconds now_{0};
    std::uint64_t sequence_ = 0;
    std::map<std::pair<milliseconds, std::uint64_t>, Event> queue_;
    bool calm_ = false;

    bool up_ = true, engine_restarted_ = false;
    ContainerFacts server_;

    bool base_ = false; // desired state that the agent started with
    std::vector<Accepted> accepted_;
    std::set<std::string> pending_;
    bool last_starts_ = false, last_both_ = false;
    int answers_ = 0, starts_ = 0, ends_ = 0, accidents_ = 0, starting_actions_ = 0, ending_actions_ = 0;
};

TEST(ServerMachineModel, LosesNoActionAndDoesNoneTwice)
{
    for (unsigned seed = 1; seed <= 100; ++seed) {
        SCOPED_TRACE(seed);
        World world{seed};
        world.run(1'000);
        world.check();
        if (HasFailure()) break;
    }
}

} // namespace

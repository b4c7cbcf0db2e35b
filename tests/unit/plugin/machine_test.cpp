// The life cycle of one plugin: what each event asks for, then thousands of random sequences against a model
// of the plugin.
#include "host/plugin/machine.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

using namespace agenthost::host;
using Machine = PluginMachine;
using Stage = PluginMachine::Stage;
using Outcome = PluginMachine::Answer::Outcome;

namespace {

const PluginSpec first{.config = "a", .isolated = false, .file = "1"};

template <class T> std::vector<T> of(const std::vector<Machine::Action>& actions)
{
    std::vector<T> out;
    for (const auto& action : actions)
        if (const auto* one = std::get_if<T>(&action)) out.push_back(*one);
    return out;
}

// A plugin that runs `spec`, for waiter 1.
Machine running(const PluginSpec& spec = first)
{
    Machine machine;
    const auto start = of<Machine::Start>(machine.step(Machine::Run{spec, 1})).at(0);
    machine.step(Machine::Started{start.operation, {}});
    EXPECT_EQ(machine.stage(), Stage::running);
    return machine;
}

PluginSpec with_config(std::string config)
{
    PluginSpec spec = first;
    spec.config = std::move(config);
    return spec;
}

TEST(PluginMachine, StartsOnceForTwoRequestsAndAnswersBoth)
{
    Machine machine;
    const auto begun = machine.step(Machine::Run{first, 1});
    ASSERT_EQ(of<Machine::Start>(begun).size(), 1u);
    EXPECT_TRUE(machine.step(Machine::Run{first, 2}).empty()) << "a reload while it starts starts nothing";
    const auto ended = machine.step(Machine::Started{of<Machine::Start>(begun)[0].operation, {}});
    const auto answers = of<Machine::Answer>(ended);
    ASSERT_EQ(answers.size(), 2u);
    EXPECT_EQ(answers[0].text, "started");
    EXPECT_EQ(ended.size(), 2u) << "nothing else";
}

TEST(PluginMachine, RestartsARunnerThatCrashesDuringItsFirstStart)
{
    PluginSpec isolated = first;
    isolated.isolated = true;
    Machine machine;
    const auto start = of<Machine::Start>(machine.step(Machine::Run{isolated, 1})).at(0);
    const auto failed = of<Machine::Answer>(machine.step(
        Machine::Started{.operation = start.operation, .problem = "signal 6", .recovers = true}));
    ASSERT_EQ(failed.size(), 1u) << "the reload does not wait for it";
    EXPECT_EQ(failed[0].outcome, Outcome::failed);
    EXPECT_EQ(machine.stage(), Stage::failed);
    EXPECT_TRUE(machine.recovering());
    EXPECT_TRUE(machine.step(Machine::Recovered{}).empty());
    EXPECT_EQ(machine.stage(), Stage::running);
    EXPECT_EQ(machine.running(), isolated);
}

TEST(PluginMachine, StartsAgainAtOnceWhenRunDuringARetry)
{
    PluginSpec isolated = first;
    isolated.isolated = true;
    Machine machine;
    const auto start = of<Machine::Start>(machine.step(Machine::Run{isolated, 1})).at(0);
    machine.step(Machine::Started{.operation = start.operation, .problem = "signal 6", .recovers = true});
    const auto stop = of<Machine::Stop>(machine.step(Machine::Run{isolated, 2})).at(0);
    EXPECT_EQ(of<Machine::Start>(machine.step(Machine::Stopped{stop.operation, {}})).size(), 1u);
    EXPECT_TRUE(machine.step(Machine::Recovered{}).empty()) << "of the one that was stopped";
    EXPECT_EQ(machine.stage(), Stage::starting);
}

TEST(PluginMachine, StopsARecoveredPluginWhoseActionsAreTaken)
{
    PluginSpec isolated = first;
    isolated.isolated = true;
    Machine machine;
    const auto start = of<Machine::Start>(machine.step(Machine::Run{isolated, 1})).at(0);
    machine.step(Machine::Started{.operation = start.operation, .problem = "signal 6", .recovers = true});
    const auto stop = of<Machine::Stop>(machine.step(Machine::Recovered{"taken"})).at(0);
    machine.step(Machine::Stopped{stop.operation, {}});
    EXPECT_EQ(machine.stage(), Stage::failed);
    EXPECT_FALSE(machine.recovering());
    EXPECT_EQ(machine.reason(), "taken");
}

TEST(PluginMachine, AppliesTheLatestConfigurationAfterTheStart)
{
    Machine machine;
    const auto start = of<Machine::Start>(machine.step(Machine::Run{first, 1})).at(0);
    machine.step(Machine::Run{with_config("b"), 2});
    machine.step(Machine::Run{with_config("c"), 3});
    const auto next = machine.step(Machine::Started{start.operation, {}});
    ASSERT_EQ(next.size(), 1u);
    const auto configure = of<Machine::Configure>(next).at(0);
    EXPECT_EQ(configure.spec.config, "c") << "the latest wins";
    EXPECT_EQ(of<Machine::Answer>(machine.step(Machine::Configured{configure.operation, {}, true})).size(),
              3u);
}

TEST(PluginMachine, CloseWaitsForAStopInProgress)
{
    auto machine = running();
    const auto stop = of<Machine::Stop>(machine.step(Machine::Remove{2})).at(0);
    const auto closed = machine.step(Machine::Close{3});
    ASSERT_EQ(of<Machine::Answer>(closed).size(), 1u);
    EXPECT_EQ(of<Machine::Answer>(closed)[0].waiter, 2u) << "the reload hears that the daemon stops";
    EXPECT_EQ(of<Machine::Stop>(closed).at(0).operation, stop.operation) << "with less time";
    const auto ended = of<Machine::Answer>(machine.step(Machine::Stopped{stop.operation, {}}));
    ASSERT_EQ(ended.size(), 1u);
    EXPECT_EQ(ended[0].waiter, 3u);
    EXPECT_TRUE(machine.gone());
}

TEST(PluginMachine, CloseCancelsAStartAndIgnoresItsResult)
{
    Machine machine;
    const auto start = of<Machine::Start>(machine.step(Machine::Run{first, 1})).at(0);
    const auto stop = of<Machine::Stop>(machine.step(Machine::Close{2})).at(0);
    EXPECT_TRUE(machine.step(Machine::Started{start.operation, {}}).empty());
    EXPECT_FALSE(machine.expects(start.operation));
    EXPECT_EQ(of<Machine::Answer>(machine.step(Machine::Stopped{stop.operation, {}})).at(0).waiter, 2u);
    const auto refused = of<Machine::Answer>(machine.step(Machine::Run{first, 4}));
    EXPECT_EQ(refused.at(0).outcome, Outcome::failed) << "nothing starts after the end";
}

TEST(PluginMachine, StartsAFailedPluginInsteadOfConfiguringIt)
{
    auto machine = running();
    const auto configure = of<Machine::Configure>(machine.step(Machine::Run{with_config("b"), 2})).at(0);
    const auto failed = machine.step(Machine::Configured{configure.operation, "hangs", false});
    EXPECT_EQ(of<Machine::Withdraw>(failed).size(), 1u);
    EXPECT_EQ(of<Machine::Answer>(failed).at(0).outcome, Outcome::failed);
    EXPECT_EQ(machine.stage(), Stage::failed);
    EXPECT_EQ(of<Machine::Start>(machine.step(Machine::Run{with_config("b"), 3})).size(), 1u);
}

TEST(PluginMachine, KeepsTheOldConfigurationWhenTheNewOneIsRefused)
{
    auto machine = running();
    const auto configure = of<Machine::Configure>(machine.step(Machine::Run{with_config("b"), 2})).at(0);
    const auto answers =
        of<Machine::Answer>(machine.step(Machine::Configured{configure.operation, "no such disk", true}));
    EXPECT_EQ(answers.at(0).outcome, Outcome::failed);
    EXPECT_EQ(machine.stage(), Stage::running);
    EXPECT_EQ(of<Machine::Configure>(machine.step(Machine::Run{with_config("b"), 3})).size(), 1u)
        << "tried again";
}

TEST(PluginMachine, RestartsTheRunnerForANewLibraryOrAsksForADaemonRestart)
{
    PluginSpec newer = first;
    newer.file = "2";
    auto in_process = running();
    const auto answers = of<Machine::Answer>(in_process.step(Machine::Run{newer, 2}));
    EXPECT_EQ(answers.at(0).outcome, Outcome::unchanged);
    EXPECT_TRUE(in_process.needs_restart());
    newer.config = "b";
    const auto configure = of<Machine::Configure>(in_process.step(Machine::Run{newer, 3})).at(0);
    in_process.step(Machine::Configured{configure.operation, {}, true});
    EXPECT_TRUE(in_process.needs_restart()) << "also when it took a new configuration";
    in_process.step(Machine::Run{with_config("b"), 4});
    EXPECT_FALSE(in_process.needs_restart()) << "the old file is back";

    PluginSpec old = first;
    old.isolated = newer.isolated = true;
    auto isolated = running(old);
    const auto stop = of<Machine::Stop>(isolated.step(Machine::Run{newer, 2})).at(0);
    const auto start = of<Machine::Start>(isolated.step(Machine::Stopped{stop.operation, {}})).at(0);
    EXPECT_EQ(start.spec.file, "2");
    EXPECT_EQ(of<Machine::Answer>(isolated.step(Machine::Started{start.operation, {}})).at(0).text,
              "restarted");
}

TEST(PluginMachine, AnUnusablePluginIsStoppedAndFailed)
{
    Machine machine;
    const auto start = of<Machine::Start>(machine.step(Machine::Run{first, 1})).at(0);
    const auto stop =
        of<Machine::Stop>(machine.step(Machine::Started{start.operation, "action taken", true})).at(0);
    const auto answers = of<Machine::Answer>(machine.step(Machine::Stopped{stop.operation, {}}));
    EXPECT_EQ(answers.at(0).text, "action taken");
    EXPECT_EQ(machine.stage(), Stage::failed);
}

TEST(PluginMachine, RestartsADeadRunnerUnlessItIsRemoved)
{
    PluginSpec spec = first;
    spec.isolated = true;
    auto machine = running(spec);
    EXPECT_TRUE(machine.step(Machine::Died{"signal 9", true}).empty())
        << "its actions stay: they are answered BUSY";
    EXPECT_TRUE(machine.recovering());
    machine.step(Machine::Recovered{});
    EXPECT_EQ(machine.stage(), Stage::running);
    machine.step(Machine::Died{"signal 9", true});
    EXPECT_EQ(of<Machine::Stop>(machine.step(Machine::Remove{2})).size(), 1u);
    machine.step(Machine::Recovered{});
    EXPECT_EQ(machine.stage(), Stage::stopping);
}

TEST(PluginMachine, RefusesRequestsBeyondItsBound)
{
    Machine machine;
    machine.step(Machine::Run{first, 1});
    for (Machine::Waiter w = 2; w <= Machine::max_waiters; ++w)
        EXPECT_TRUE(machine.step(Machine::Run{first, w}).empty());
    const auto refused = of<Machine::Answer>(machine.step(Machine::Run{first, 1000}));
    ASSERT_EQ(refused.size(), 1u);
    EXPECT_EQ(refused[0].waiter, 1000u);
    EXPECT_EQ(refused[0].outcome, Outcome::failed);
}

// A plugin as the machine must treat it, and everything that may happen to it.
class Model {
public:
    explicit Model(unsigned seed) : random_{seed} {}

    void step()
    {
        const auto at = machine.stage();
        switch (pick(16)) {
        case 0:
        case 1: return request(Machine::Run{any_spec(), ++last_waiter_});
        case 2: return request(Machine::Remove{++last_waiter_});
        case 3:
            if (pick(12) == 0) request(Machine::Close{++last_waiter_});
            return;
        case 4: return stale(); // an operation that was overtaken ends after all
        case 5:
            if (at == Stage::running || at == Stage::stuck) give(Machine::Stuck{"hang"});
            return;
        case 6: return give(Machine::Freed{});
        case 7:
            if (!can_die()) return;
            if (!instance_->isolated || pick(8) == 0) {
                instance_.reset(); // hangs, and is given up
                overtake();
                return give(Machine::Died{"hangs", false});
            }
            overtake();
            return give(Machine::Died{"signal 9", true});
        case 8:
            if (machine.recovering()) give(Machine::Recovered{pick(6) == 0 ? "its actions are taken" : ""});
            return;
        case 9:
            if (!machine.recovering() || pick(4) != 0) return;
            instance_.reset(); // the new runner hangs for good
            return give(Machine::Died{"does not start", false});
        default: return finish(pick(3) != 0);
        }
    }
    // Ends what is under way, so that everything comes to rest.
    void finish_all(bool well)
    {
        for (int i = 0; operation_ && i < 100; ++i) finish(well);
        EXPECT_FALSE(operation_) << "it goes on for ever";
    }
    // An operation for exactly this is under way: its end is the answer.
    [[nodiscard]] bool busy() const { return operation_.has_value(); }
    [[nodiscard]] bool tries(const PluginSpec& spec) const { return operation_ && tried_ == spec; }
    // What is under way for an earlier request ends badly; that must not keep the later one from what it
    // asked for.
    void fail_once()
    {
        if (!operation_ || closed_) return;
        if (operation_->doing == Doing::configure && pick(2) == 0) {
            overtake();
            const bool recovers = instance_->isolated;
            if (!recovers) instance_.reset();
            return give(Machine::Died{"died", recovers});
        }
        finish(false);
    }
    void request(Machine::Event event)
    {
        if (std::holds_alternative<Machine::Close>(event)) closed_ = true;
        waiting_.insert(last_waiter_);
        give(std::move(event));
    }
    PluginSpec any_spec()
    {
        return {.config = std::string(1, static_cast<char>('a' + pick(3))),
                .isolated = pick(2) == 0,
                .file = std::to_string(pick(2))};
    }
    Machine::Waiter next_waiter() { return ++last_waiter_; }
    [[nodiscard]] bool closed() const { return closed_; }
    [[nodiscard]] bool exists() const { return instance_.has_value(); }
    [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

    Machine machine;

private:
    int pick(int n) { return std::uniform_int_distribution<int>{0, n - 1}(random_); }
    [[nodiscard]] bool can_die() const
    {
        const auto at = machine.stage();
        return instance_ && (at == Stage::running || at == Stage::stuck || at == Stage::configuring);
    }
    void overtake()
    {
        if (operation_) overtaken_.push_back(*std::exchange(operation_, std::nullopt));
    }
    void give(Machine::Event event)
    {
        for (auto& action : machine.step(std::move(event))) std::visit([this](auto& a) { take(a); }, action);
    }
    void take(Machine::Start& start)
    {
        EXPECT_FALSE(instance_) << "two instances at once";
        EXPECT_FALSE(closed_) << "started after the end";
        EXPECT_FALSE(operation_);
        operation_ = {start.operation, Doing::start, start.spec};
        tried_ = start.spec;
        instance_ = start.spec;
    }
    void take(Machine::Configure& configure)
    {
        EXPECT_TRUE(instance_);
        EXPECT_FALSE(operation_);
        EXPECT_FALSE(closed_);
        operation_ = {configure.operation, Doing::configure, configure.spec};
        tried_ = configure.spec;
    }
    void take(Machine::Stop& stop)
    {
        EXPECT_TRUE(instance_) << "nothing to stop";
        if (operation_ && operation_->doing == Doing::stop) {
            EXPECT_EQ(operation_->number, stop.operation);
            return; // hurry
        }
        overtake();
        operation_ = {stop.operation, Doing::stop, {}};
        offered_ = false;
    }
    void take(Machine::Withdraw&) { offered_ = false; }
    void take(Machine::Answer& answer)
    {
        EXPECT_EQ(waiting_.erase(answer.waiter), 1u) << "answered twice, or nobody asked";
        if (closed_ && machine.gone()) {
            EXPECT_FALSE(instance_) << "the end is answered while it runs";
        }
    }
    void finish(bool well)
    {
        if (!operation_) return;
        const auto it = *std::exchange(operation_, std::nullopt);
        if (it.doing == Doing::start) {
            if (well) return give(Machine::Started{it.number, {}, true});
            if (pick(3) == 0) return give(Machine::Started{it.number, "its actions are taken", true});
            if (it.spec.isolated && pick(2) == 0) // the instance starts its runner again by itself
                return give(Machine::Started{it.number, "signal 9", false, true});
            instance_.reset();
            return give(Machine::Started{it.number, "does not start", false});
        }
        if (it.doing == Doing::configure) {
            if (well) instance_->config = it.spec.config;
            const bool alive = well || pick(2) == 0;
            if (!alive) instance_.reset();
            return give(Machine::Configured{it.number, well ? "" : "bad", alive});
        }
        instance_.reset();
        give(Machine::Stopped{it.number, well ? "" : "hangs"});
    }
    void stale()
    {
        if (overtaken_.empty()) return;
        const auto it = overtaken_.back();
        overtaken_.pop_back();
        const auto before = machine.stage();
        if (it.doing == Doing::start) give(Machine::Started{it.number, {}, true});
        if (it.doing == Doing::configure) give(Machine::Configured{it.number, "late", false});
        EXPECT_EQ(machine.stage(), before) << "an overtaken operation changed something";
    }

    enum class Doing { start, configure, stop };
    struct Operation {
        Machine::Operation number;
        Doing doing;
        PluginSpec spec;
    };
    std::mt19937 random_;
    std::optional<Operation> operation_;
    std::vector<Operation> overtaken_;
    std::optional<PluginSpec> instance_;
    PluginSpec tried_;
    std::set<Machine::Waiter> waiting_;
    Machine::Waiter last_waiter_ = 0;
    bool closed_ = false, offered_ = false;
};

TEST(PluginMachine, KeepsItsInvariantsInThousandsOfRandomLives)
{
    int closed = 0, failed = 0, running_at_the_end = 0;
    for (unsigned seed = 1; seed <= 20'000 && !HasFailure(); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Model model{seed};
        for (int i = 0; i < 60; ++i) model.step();
        // Whatever happened: the last request decides, and everybody who asked is answered.
        failed += model.machine.stage() == Stage::failed;
        const auto last = model.any_spec();
        const bool busy = model.busy(), being_tried = model.tries(last);
        model.request(Machine::Run{last, model.next_waiter()});
        if (busy && !being_tried && seed % 2 == 0) model.fail_once();
        model.finish_all(true);
        EXPECT_EQ(model.waiting(), 0u) << "somebody waits for ever";
        if (being_tried &&
            model.machine.stage() == Stage::failed) { // it asked for what was failing just then
            model.request(Machine::Run{last, model.next_waiter()});
            model.finish_all(true);
        }
        if (model.closed()) {
            ++closed;
            EXPECT_FALSE(model.exists());
            EXPECT_EQ(model.machine.stage(), Stage::stopped);
        } else {
            ++running_at_the_end;
            ASSERT_TRUE(model.machine.running());
            EXPECT_EQ(model.machine.running()->config, last.config);
            EXPECT_EQ(model.machine.running()->isolated, last.isolated);
            if (last.isolated) {
                EXPECT_EQ(model.machine.running()->file, last.file);
            }
            EXPECT_EQ(model.machine.needs_restart(), model.machine.running()->file != last.file);
            model.request(Machine::Close{model.next_waiter()});
            model.finish_all(false);
            EXPECT_EQ(model.machine.stage(), Stage::stopped);
            EXPECT_EQ(model.waiting(), 0u);
            EXPECT_FALSE(model.exists());
        }
    }
    // The sequences went everywhere they should.
    EXPECT_GT(closed, 500);
    EXPECT_GT(failed, 500);
    EXPECT_GT(running_at_the_end, 500);
}

} // namespace

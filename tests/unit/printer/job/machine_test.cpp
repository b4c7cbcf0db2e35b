#include "../job_world.hpp"

#include "tests/support/sanitized.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

namespace agenthost::printer::job::test {
namespace {

// Every sequence of choices, one after the other: the last choice that has a next value is advanced. Of many
// values it takes four, the rare events among them. Choices after the first `depth` are good days.
class Enumerated final : public Choices {
public:
    explicit Enumerated(std::size_t depth) : depth_{depth} {}
    std::size_t choose(std::size_t count) override
    {
        if (at_ >= depth_ || count < 2) return 0;
        const std::size_t values = std::min<std::size_t>(count, 4);
        if (at_ == made_.size()) made_.push_back({0, values});
        const std::size_t value = made_[at_++].first;
        if (count <= 4) return value;
        return std::array<std::size_t, 4>{0, count - 1, count / 2, count - 2}[value];
    }
    bool advance()
    {
        at_ = 0;
        while (!made_.empty() && made_.back().first + 1 >= made_.back().second) made_.pop_back();
        if (made_.empty()) return false;
        ++made_.back().first;
        return true;
    }

private:
    std::size_t depth_, at_ = 0;
    std::vector<std::pair<std::size_t, std::size_t>> made_;
};

class Random final : public Choices {
public:
    explicit Random(unsigned seed) : random_{seed} {}
    std::size_t choose(std::size_t count) override { return random_() % count; }

private:
    std::mt19937 random_;
};

World::Setup usb(Confirmation confirmation = Confirmation::process_id)
{
    World::Setup setup;
    setup.options.model.confirmation = confirmation;
    setup.options.continues = setup.options.keep_open = true;
    return setup;
}

World::Setup network(Confirmation confirmation = Confirmation::process_id)
{
    World::Setup setup;
    setup.options.model.confirmation = confirmation;
    setup.link_buffer = 8;
    return setup;
}

std::vector<World::Setup> every_setup()
{
    std::vector<World::Setup> out;
    for (const Confirmation confirmation :
         {Confirmation::none, Confirmation::status, Confirmation::process_id})
        for (World::Setup setup : {usb(confirmation), network(confirmation)}) out.push_back(setup);
    return out;
}

TEST(PrinterMachine, PrintsEveryJobOnAGoodDay)
{
    for (World::Setup setup : every_setup())
        for (const std::uint64_t commit_at : {0, 78, 90}) { // 90 is within a command
            setup.faults = false;
            Random choices{1};
            World world{setup, choices};
            for (int i = 0; i < 3; ++i) world.add(100, commit_at);
            world.finish_quietly();
            world.check();
            const bool proves = setup.options.model.confirmation == Confirmation::process_id;
            for (const auto& [id, job] : world.jobs)
                EXPECT_EQ(job.last.outcome, proves ? Outcome::printed : Outcome::sent);
        }
}

TEST(PrinterMachine, KeepsItsPromisesInEverySmallSequence)
{
    std::size_t sequences = 0;
    for (World::Setup setup : every_setup())
        for (const std::uint64_t commit_at : {0, 2})
            for (const bool kills : {false, true}) {
                setup.kills = kills;
                Enumerated choices{
                    agenthost::test::sanitized ? 4U : 6U}; // a sanitizer's run takes many times as long
                do {
                    World world{setup, choices};
                    world.add(3, commit_at);
                    world.add(2, 0);
                    for (int steps = 0; steps < 30 && world.step(); ++steps) {}
                    world.finish_quietly();
                    world.check();
                    ++sequences;
                    ASSERT_FALSE(testing::Test::HasFailure()) << "sequence " << sequences;
                } while (choices.advance());
            }
    EXPECT_GT(sequences, agenthost::test::sanitized ? 1'000u : 20'000u);
}

void run_random(World::Setup setup, unsigned seed)
{
    Random choices{seed};
    setup.disk_fails = seed % 3 == 0;
    setup.kills = seed % 2 == 0;
    World world{setup, choices};
    unsigned added = 0;
    for (int i = 0; i < 150; ++i) {
        if (added < 6 && choices.choose(8) == 0) {
            const std::size_t size = 1 + choices.choose(120);
            const bool commits = size > 20 && choices.choose(2) == 1;
            world.add(size, commits ? size - 1 - choices.choose(7) : 0);
            ++added;
        }
        if (added > 0 && choices.choose(40) == 0) world.cancel(1 + choices.choose(added));
        world.step();
    }
    world.finish_quietly();
    world.check();
}

TEST(PrinterMachine, KeepsItsPromisesInRandomSequences)
{
    const auto setups = every_setup();
    constexpr unsigned seeds = agenthost::test::sanitized ? 3'000 : 20'000;
    for (unsigned seed = 1; seed <= seeds; ++seed) {
        run_random(setups[seed % setups.size()], seed);
        ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed;
    }
}

// The machine alone, for single cases.
struct Alone {
    explicit Alone(const World::Setup& setup) : machine{setup.options, std::make_unique<Tracker>()}
    {
        Actions begun;
        machine.start(now, begun);
        machine.add({1, "server", 100, 0, {}}, std::make_shared<const std::string>(content_of(1, 100)), now,
                    begun);
    }
    template <class Act> static bool has(const Actions& actions)
    {
        return std::ranges::any_of(actions,
                                   [](const Action& one) { return std::holds_alternative<Act>(one); });
    }
    Actions opened(std::uint64_t device)
    {
        Actions out;
        machine.opened(true, device, now, out);
        return out;
    }
    Actions written(std::size_t bytes, Fault fault = Fault::none)
    {
        Actions out;
        machine.written({bytes, fault, ""}, now, out);
        return out;
    }
    Actions timer()
    {
        Actions out;
        machine.timer(now += std::chrono::seconds{10}, out);
        return out;
    }
    Actions port(std::uint8_t status)
    {
        Actions out;
        machine.port_status(status, now, out);
        return out;
    }
    Actions received(const std::string& answer)
    {
        Actions out;
        machine.received({reinterpret_cast<const std::uint8_t*>(answer.data()), answer.size()}, now, out);
        return out;
    }
    // Until the first bytes of the job are to be written.
    void begin(std::uint64_t device)
    {
        opened(device);
        written(12); // the query
        Actions out;
        const std::array<std::uint8_t, 4> fine{0x12, 0x12, 0x12, 0x12};
        machine.received(fine, now, out);
        machine.committed(1, std::nullopt, now, out);
        ASSERT_TRUE(has<act::Write>(out));
    }

    Time now{};
    Machine machine;
};

// What the printer sends, and stores, when it has printed what was before the request with this id.
std::string stored_answer(const ProcessId& id)
{
    return "\x37\x22" + printer::to_string(id) + std::string(1, '\0');
}

TEST(PrinterMachine, APrinterThatIsSilentAndWithoutPaperGetsNoByte)
{
    Alone alone{usb()};
    alone.opened(1);
    alone.written(12);
    EXPECT_TRUE(Alone::has<act::AskPort>(alone.timer()));
    const Actions held = alone.port(0x38);
    EXPECT_EQ(alone.machine.condition().trouble, Trouble::paper_out);
    EXPECT_EQ(alone.machine.phase(), Machine::Phase::held);
    EXPECT_FALSE(Alone::has<act::Commit>(held));
    // Asked again; with paper it is sent after as many silent queries as ever.
    EXPECT_TRUE(Alone::has<act::Write>(alone.timer()));
    alone.written(12);
    alone.timer();
    EXPECT_TRUE(Alone::has<act::Write>(alone.port(0x18)));
    alone.written(12);
    alone.timer();
    EXPECT_TRUE(Alone::has<act::Commit>(alone.port(0x18)));
}

TEST(PrinterMachine, APortThatDoesNotAnswerDoesNotHoldTheJob)
{
    Alone alone{usb()};
    alone.opened(1);
    for (int query = 0; query < 2; ++query) {
        alone.written(12);
        EXPECT_TRUE(Alone::has<act::AskPort>(alone.timer()));
        EXPECT_TRUE(Alone::has<act::Write>(alone.timer()) || query == 1);
    }
    EXPECT_EQ(alone.machine.phase(), Machine::Phase::arming);
}

TEST(PrinterMachine, AConfirmedJobEndsBeforeItsLinkIsFinished)
{
    for (const World::Setup& setup : {usb(), network()}) {
        Alone alone{setup};
        alone.begin(1);
        alone.written(100);
        alone.written(11); // the request for proof
        const Actions out = alone.received(stored_answer(process_id(1)));
        EXPECT_TRUE(Alone::has<act::Commit>(out));
        EXPECT_TRUE(Alone::has<act::Finish>(out));
        EXPECT_EQ(alone.machine.current(), nullptr);
        // The next one waits for the link.
        Actions added, finished;
        alone.machine.add({2, "server", 100, 0, {}}, std::make_shared<const std::string>(content_of(2, 100)),
                          alone.now, added);
        EXPECT_EQ(alone.machine.current(), nullptr);
        const bool keeps = setup.options.keep_open;
        if (keeps)
            alone.machine.finished(true, alone.now, finished);
        else
            finished = alone.timer(); // this printer never closes its end
        ASSERT_NE(alone.machine.current(), nullptr);
        EXPECT_EQ(alone.machine.current()->id, 2U);
        EXPECT_EQ(Alone::has<act::Close>(finished), !keeps);
        EXPECT_EQ(Alone::has<act::Open>(finished), !keeps);
    }
}

// The data of a job may ask with the id that the job's own request will have.
TEST(PrinterMachine, AConfirmationBeforeItsRequestProvesNothing)
{
    const std::string proof = stored_answer(process_id(1));
    for (const World::Setup& setup : {usb(), network()}) {
        Alone alone{setup};
        alone.begin(1);
        alone.written(50);
        (void)alone.received(proof);
        alone.written(50);
        alone.written(11);
        EXPECT_NE(alone.machine.current(), nullptr);
        EXPECT_TRUE(Alone::has<act::Finish>(alone.received(proof)));
        EXPECT_EQ(alone.machine.current(), nullptr);
    }
}

// What the printer has stored after a restart may be the answer to what another job's data asked.
TEST(PrinterMachine, OnlyTheIdOfThisNodeConfirmsAJob)
{
    constexpr std::uint64_t secret = 70'000'000;
    for (World::Setup setup : {usb(), network()}) {
        setup.options.first_confirmation = secret;
        Alone alone{setup};
        alone.begin(1);
        alone.written(100);
        alone.written(11);
        (void)alone.received(stored_answer(process_id(1)));
        EXPECT_NE(alone.machine.current(), nullptr);
        (void)alone.received(stored_answer(process_id(secret + 1)));
        EXPECT_EQ(alone.machine.current(), nullptr);
    }
}

TEST(PrinterMachine, AfterAnAbsenceInMidJobTheRestIsNotPrinted)
{
    for (const std::uint64_t back : {1, 2}) {
        Alone alone{usb()};
        alone.begin(1);
        alone.written(10, Fault::gone);
        alone.timer();
        const Actions out = alone.opened(back);
        EXPECT_EQ(Alone::has<act::Write>(out), back == 1) << "it was not away, and goes on";
        EXPECT_EQ(alone.machine.current() == nullptr, back == 2);
    }
    // It is known at once that it left.
    Alone alone{usb()};
    alone.begin(1);
    alone.written(10, Fault::gone);
    alone.timer();
    Actions out;
    alone.machine.open_failed({OpenError::Kind::not_found, "Away."}, alone.now, out);
    EXPECT_EQ(alone.machine.current(), nullptr);
    const auto row =
        std::ranges::find_if(out, [](const Action& one) { return std::holds_alternative<act::Commit>(one); });
    ASSERT_NE(row, out.end());
    EXPECT_EQ(std::get<act::Commit>(*row).progress.outcome, Outcome::unknown);
}

} // namespace
} // namespace agenthost::printer::job::test

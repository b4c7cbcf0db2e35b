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

} // namespace
} // namespace agenthost::printer::job::test

// Whose job runs next, and who may wait: by hand, and against a model under random load.
#include "base/turns.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

using agenthost::base::Turns;

namespace {

// Starts everything that may run.
std::size_t run_all(Turns& turns)
{
    std::size_t started = 0;
    while (turns.next()) ++started;
    return started;
}

TEST(FileTurns, APanelThatFillsEveryPlaceDelaysNobodyElse)
{
    Turns turns{4, 64};
    std::size_t greedy = 0;
    for (; turns.add("greedy"); ++greedy) run_all(turns);
    EXPECT_EQ(greedy, 4u + 64u);
    EXPECT_EQ(turns.running(), 4u);
    const auto single = turns.add("modest");
    ASSERT_TRUE(single);
    EXPECT_EQ(turns.next(), single) << "although the others never end";
    std::size_t more = 0;
    for (; turns.add("modest"); ++more) run_all(turns);
    EXPECT_EQ(more, 8u) << "an eighth of the places stays its own";
    EXPECT_EQ(turns.waiting("greedy"), 64u);
    EXPECT_FALSE(turns.add("greedy"));
}

TEST(FileTurns, ASinglePanelUsesEverySlotAndPlace)
{
    Turns turns{2, 0};
    EXPECT_TRUE(turns.add("it"));
    run_all(turns);
    EXPECT_TRUE(turns.add("it")) << "a free slot needs no place";
    run_all(turns);
    EXPECT_EQ(turns.running(), 2u);
    EXPECT_FALSE(turns.add("it"));
}

TEST(FileTurns, PanelsTakeTurns)
{
    Turns turns{1, 64};
    std::map<Turns::Ticket, std::string> of;
    std::vector<Turns::Ticket> running;
    const auto start = [&] {
        std::string order;
        while (const auto ticket = turns.next()) {
            running.push_back(*ticket);
            order += of[*ticket];
        }
        return order;
    };
    for (const char* caller : {"a", "a", "a", "b", "b", "c"}) of[*turns.add(caller)] = caller;
    EXPECT_EQ(start(), "abc") << "the first of each";
    std::string order;
    while (!running.empty()) {
        turns.finished(running.front());
        running.erase(running.begin());
        order += start();
    }
    EXPECT_EQ(order, "aba") << "each has one running at most; whoever has none is next";
}

TEST(FileTurns, AWithdrawnJobGivesItsPlaceBack)
{
    Turns turns{1, 1};
    const auto first = turns.add("it");
    run_all(turns);
    const auto second = turns.add("it");
    ASSERT_TRUE(second);
    EXPECT_FALSE(turns.add("it"));
    EXPECT_FALSE(turns.withdraw(*first)) << "it runs";
    EXPECT_TRUE(turns.withdraw(*second));
    EXPECT_FALSE(turns.withdraw(*second));
    turns.finished(*second); // unknown: ignored
    EXPECT_EQ(turns.running(), 1u);
    const auto third = turns.add("it");
    ASSERT_TRUE(third);
    turns.finished(*first);
    EXPECT_EQ(turns.next(), third);
}

// What the rules promise, counted in the plainest way.
struct Model {
    struct Caller {
        std::vector<Turns::Ticket> waiting; // in the order of arrival
        std::set<Turns::Ticket> running;
    };
    std::size_t slots, max_waiting;
    std::map<std::string, Caller> callers;

    [[nodiscard]] std::size_t running() const
    {
        std::size_t sum = 0;
        for (const auto& [name, caller] : callers) sum += caller.running.size();
        return sum;
    }
    [[nodiscard]] std::size_t waiting() const
    {
        std::size_t sum = 0;
        for (const auto& [name, caller] : callers) sum += caller.waiting.size();
        return sum;
    }
    void expect_admitted_fairly(const std::string& name, bool admitted)
    {
        const Caller& caller = callers[name];
        const bool slot = running() < slots || caller.running.empty();
        const bool place =
            waiting() < max_waiting ||
            (max_waiting > 0 && caller.waiting.size() < std::max<std::size_t>(1, max_waiting / 8));
        EXPECT_EQ(admitted, slot || place) << name;
    }
    // It was the oldest of its caller, and of a caller with the fewest running.
    void start(Turns::Ticket ticket)
    {
        const auto owner = std::find_if(callers.begin(), callers.end(), [&](const auto& each) {
            const auto& queue = each.second.waiting;
            return std::find(queue.begin(), queue.end(), ticket) != queue.end();
        });
        ASSERT_NE(owner, callers.end());
        EXPECT_EQ(owner->second.waiting.front(), ticket);
        for (const auto& [name, caller] : callers) {
            if (caller.waiting.empty()) continue;
            EXPECT_LE(owner->second.running.size(), caller.running.size())
                << name << " should be served before " << owner->first;
        }
        owner->second.waiting.erase(owner->second.waiting.begin());
        owner->second.running.insert(ticket);
    }
    void expect_nobody_waits_in_vain() const
    {
        for (const auto& [name, caller] : callers) {
            if (caller.waiting.empty()) continue;
            EXPECT_GE(running(), slots) << name << " waits while a slot is free";
            EXPECT_FALSE(caller.running.empty()) << name << " waits for another";
        }
        EXPECT_LE(running(), slots + callers.size());
        EXPECT_LE(waiting(), max_waiting + callers.size() * std::max<std::size_t>(1, max_waiting / 8));
    }
};

TEST(FileTurns, KeepTheirPromisesUnderRandomLoad)
{
    for (unsigned seed = 0; seed < 200 && !HasFailure(); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937 random{seed};
        Model model{1 + random() % 6, random() % 20, {}};
        Turns turns{model.slots, model.max_waiting};
        std::vector<Turns::Ticket> all; // that were ever admitted
        for (int step = 0; step < 1500 && !HasFailure(); ++step) {
            // One caller asks for more than all others.
            const std::string name = random() % 3 != 0 ? "greedy" : "modest" + std::to_string(random() % 5);
            Model::Caller& caller = model.callers[name];
            switch (random() % 4) {
            case 0:
                if (!caller.running.empty()) {
                    auto ended = caller.running.begin();
                    std::advance(ended, random() % caller.running.size());
                    turns.finished(*ended);
                    caller.running.erase(ended);
                }
                break;
            case 1:
                if (!all.empty()) {
                    const Turns::Ticket ticket = all[random() % all.size()];
                    bool waits = false;
                    for (auto& [each, of] : model.callers) waits |= std::erase(of.waiting, ticket) > 0;
                    EXPECT_EQ(turns.withdraw(ticket), waits);
                }
                break;
            default:
                const auto ticket = turns.add(name);
                model.expect_admitted_fairly(name, ticket.has_value());
                if (!ticket) break;
                caller.waiting.push_back(*ticket);
                all.push_back(*ticket);
            }
            while (const auto ticket = turns.next()) model.start(*ticket);
            model.expect_nobody_waits_in_vain();
            EXPECT_EQ(turns.running(), model.running());
            EXPECT_EQ(turns.waiting(), model.waiting());
            EXPECT_EQ(turns.waiting(name), caller.waiting.size());
        }
    }
}

} // namespace

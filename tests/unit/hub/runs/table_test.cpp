#include "plugins/hub/runs/table.hpp"

#include <gtest/gtest.h>

#include <string>

using namespace agenthost::hub;
using HubRun = agenthost::hub::Run;

namespace {

RunEntry& add(RunTable& table, const std::string& id, std::int64_t created = 0,
              const std::string& agent = "d1")
{
    HubRun run;
    run.id = id;
    run.agent = agent;
    run.created = created;
    return *table.add(std::move(run));
}
void end(RunTable& table, const std::string& id)
{
    table.entry(id)->run.state = RunState::completed;
    table.retire(id);
}
std::vector<std::string> ids(const std::vector<const HubRun*>& runs)
{
    std::vector<std::string> found;
    for (const HubRun* run : runs) found.push_back(run->id);
    return found;
}
using Ids = std::vector<std::string>;

TEST(RunTable, ListsRunsOldestFirst)
{
    RunTable table;
    add(table, "c", 3);
    add(table, "a", 1);
    add(table, "b", 1, "d2");
    end(table, "a");
    EXPECT_EQ(ids(table.all()), (Ids{"a", "b", "c"}));
    EXPECT_EQ(ids(table.open()), (Ids{"b", "c"}));
    EXPECT_EQ(table.open_of("d1"), Ids{"c"});
    HubRun again;
    again.id = "c";
    EXPECT_EQ(table.add(std::move(again)), nullptr) << "ids are unique";
    EXPECT_EQ(table.entry("x"), nullptr);
}

TEST(RunTable, RemovesTheOldestEndedRunBeyondTheLimit)
{
    RunTable table{{.over = 2}};
    for (const char* id : {"a", "b", "c", "open"}) table.append(add(table, id), 1, 0, "output");
    for (const char* id : {"b", "a", "c"}) end(table, id);
    EXPECT_EQ(table.find("b"), nullptr) << "it ended first";
    EXPECT_NE(table.find("a"), nullptr);
    EXPECT_NE(table.find("open"), nullptr);
    std::size_t cost = 0;
    for (const HubRun* run : table.all()) cost += run->output.cost();
    EXPECT_EQ(table.memory(), cost);
}

TEST(RunTable, DropsTheOldestOutputOfARunBeyondItsLimit)
{
    RunTable table{{.output = 100'000}};
    RunEntry& run = add(table, "a");
    for (int i = 0; i < 20; ++i) table.append(run, 1, 0, std::string(10'000, 'x'));
    EXPECT_LE(run.run.output.cost(), 100'000U);
    EXPECT_GT(run.run.output.begin(), 0U);
    EXPECT_EQ(run.run.output.end(), 200'000U) << "positions count dropped bytes";
}

TEST(RunTable, DropsOutputOfEndedRunsBeforeThatOfOpenOnes)
{
    RunTable table{{.output = 100'000, .memory = 100'000}};
    table.append(add(table, "ended"), 1, 0, std::string(50'000, 'x'));
    end(table, "ended");
    RunEntry& open = add(table, "open");
    table.append(open, 1, 0, std::string(60'000, 'x'));
    EXPECT_EQ(table.find("ended")->output.cost(), 0U);
    EXPECT_EQ(open.run.output.begin(), 0U);
    RunEntry& second = add(table, "second");
    table.append(second, 1, 0, std::string(60'000, 'x'));
    EXPECT_LE(table.memory(), 100'000U) << "without ended runs, the newest output makes space";
    EXPECT_EQ(open.run.output.begin(), 0U);
}

} // namespace

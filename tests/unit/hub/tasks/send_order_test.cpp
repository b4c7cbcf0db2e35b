// Agents that run a repeated command twice (no journal): the row on disk is marked as sent before the frame
// is sent, at every point where the hub may crash.
#include "tests/unit/hub/parts.hpp"

#include <random>

using namespace agenthost::hub_test;
using namespace std::chrono_literals;
namespace wire = agenthost::wire;

namespace {

// The disk: saves wait for a commit, and the newest state of a task replaces a waiting one, as in the store.
class DiskTable final : public TaskTable {
public:
    bool save(const TaskRecord& task, std::function<void(bool)> done) override
    {
        if (full && !final(task.state)) return false;
        auto it =
            std::find_if(waiting.begin(), waiting.end(), [&](const auto& w) { return w.task.id == task.id; });
        if (it == waiting.end()) it = waiting.insert(it, Waiting{});
        it->task = task;
        if (done) it->done.push_back(std::move(done));
        return true;
    }
    bool find(std::string, Found) override { return false; }
    bool list(Page, Listed) override { return false; }

    // `heard` false: the hub crashes after the commit and before its callback.
    void commit(bool works, bool heard = true)
    {
        auto batch = std::exchange(waiting, {});
        for (Waiting& w : batch) {
            if (works) rows.insert_or_assign(w.task.id, w.task);
            auto done = std::exchange(w.done, {});
            for (auto& one : heard ? done : decltype(done){}) one(works);
            const bool newer = std::any_of(waiting.begin(), waiting.end(),
                                           [&](const auto& n) { return n.task.id == w.task.id; });
            if (!works && !newer) waiting.push_back(std::move(w)); // tried again
        }
    }

    struct Waiting {
        TaskRecord task;
        std::vector<std::function<void(bool)>> done;
    };
    std::map<std::string, TaskRecord> rows;
    std::vector<Waiting> waiting;
    bool full = false;
};

// The agents' end, which outlives the hub: the sent frames, and the state of the disk at that time.
struct Wire final : Fanout {
    explicit Wire(DiskTable& d) : disk{d} {}
    bool online(std::string_view) const override { return there; }
    const AgentRecord* find(std::string_view) const override { return there ? &agent : nullptr; }
    std::vector<std::string> connected(std::string_view) const override { return {}; }
    Sent send(std::string_view, const wire::Command& c) override
    {
        const std::string id{c.id};
        if (busy) { // the daemon has no space
            not_taken.push_back(id);
            return Sent::taken;
        }
        order.push_back(id);
        if (spent.contains(id)) again.push_back(id);
        if (agent.redispatch >= Tasks::resends) return ++journalled, Sent::taken;
        const int times = ++sent[id];
        if (times > agent.redispatch) spent.insert(id);
        const auto row = disk.rows.find(id);
        if (row == disk.rows.end() || row->second.sent < times) behind.push_back(id);
        return Sent::taken;
    }

    DiskTable& disk;
    AgentRecord agent{.id = "shop", .protocol = "print", .redispatch = 0};
    bool there = false, busy = false;
    std::map<std::string, int> sent; // by id, to an agent without a journal
    std::set<std::string> spent;     // such an agent would run another repetition twice
    std::vector<std::string> order, behind, not_taken, again;
    std::size_t journalled = 0;
};

struct Life { // of the hub's process
    Life(DiskTable& disk, Wire& w, const std::int64_t& utc, const Timers::Time& now)
        : core{Config{}, daemon}, commands{core, disk, w}
    {
        core.utc = [&utc] { return utc; };
        core.now = [&now] { return now; };
        std::vector<TaskRecord> open;
        for (const auto& [id, row] : disk.rows) {
            if (!final(row.state)) open.push_back(row);
        }
        std::sort(open.begin(), open.end(),
                  [](const auto& a, const auto& b) { return a.created < b.created; });
        commands.restore(std::move(open));
    }
    MemoryDaemon daemon;
    Core core;
    Commands commands;
};

struct SendOrderTest : testing::Test {
    void boot() { hub = std::make_unique<Life>(disk, net, utc, now); }
    void enter(const std::function<void()>& work) { hub->core.strand.run(work); }
    std::string print() { return command("printer.print"); }
    std::string command(const std::string& action)
    {
        ++utc;
        TaskRecord task;
        task.id = Commands::new_id();
        task.agent = "shop";
        task.action = action;
        task.params = "{}";
        task.expires = utc + 24LL * 3600 * 1000;
        enter([&] { hub->commands.start(task, {}); });
        return task.id;
    }
    void join(int redispatch)
    {
        net.agent.redispatch = redispatch;
        join();
    }
    void answer(std::string_view id, std::string_view name = {})
    {
        enter([&] { hub->commands.events().result("shop", {.id = id, .data = "{}", .action = name}); });
    }
    void join()
    {
        net.there = true;
        enter([&] { hub->commands.events().agent_ready(net.agent); });
    }
    void leave()
    {
        net.there = false;
        enter([&] { hub->commands.events().agent_lost("shop"); });
    }
    void crash() // what waits for the disk is lost
    {
        net.there = false;
        net.not_taken.clear();
        disk.waiting.clear();
        boot();
    }
    void pass(std::chrono::milliseconds time)
    {
        utc += time.count();
        now += time;
        enter([this] { hub->core.timers.run(now); });
    }
    std::int64_t utc = 1'000'000;
    Timers::Time now = Timers::Time{1h};
    DiskTable disk;
    Wire net{disk};
    std::unique_ptr<Life> hub;
};

TEST_F(SendOrderTest, NothingIsSentBeforeItsRowIsMarked)
{
    boot();
    join();
    const std::string first = print(), second = print();
    EXPECT_TRUE(net.order.empty());
    disk.commit(true);
    EXPECT_EQ(net.order, (std::vector{first, second}));
    EXPECT_TRUE(net.behind.empty());
}

TEST_F(SendOrderTest, AHubThatDiesAroundTheCommitSendsAtMostOnce)
{
    for (const char* point : {"before the commit", "after the commit", "after the send"}) {
        SCOPED_TRACE(point);
        boot();
        join();
        const std::string id = print();
        if (point[0] == 'a') disk.commit(true, std::string{point} == "after the send");
        EXPECT_EQ(net.sent[id], std::string{point} == "after the send" ? 1 : 0);
        crash();
        join();
        disk.commit(true);
        pass(31s);
        disk.commit(true);
        EXPECT_LE(net.sent[id], 1);
        EXPECT_TRUE(net.behind.empty());
        if (point[0] == 'a') {
            EXPECT_EQ(disk.rows.at(id).code, "INTERRUPTED") << "a person decides";
        }
        crash();
    }
}

TEST_F(SendOrderTest, ARestartRemembersThatACommandMustNotBeSentAgain)
{
    for (const char* returns : {"nobody", "an agent without a journal", "an agenthost", "its late answer"}) {
        SCOPED_TRACE(returns);
        boot();
        join(0);
        const std::string id = print();
        disk.commit(true);
        ASSERT_EQ(net.sent[id], 1);
        const std::string_view who{returns};
        crash();
        crash(); // a hub that crashes again has not forgotten it either
        if (who != "nobody") join(who == "an agenthost" ? Tasks::resends : 0);
        disk.commit(true);
        pass(29s);
        disk.commit(true);
        EXPECT_FALSE(final(disk.rows.at(id).state)) << "an answer may still arrive";
        if (who == "its late answer") answer(id);
        pass(2s);
        disk.commit(true);
        EXPECT_EQ(disk.rows.at(id).code, who == "its late answer" ? "" : "INTERRUPTED") << "a person decides";
        EXPECT_EQ(disk.rows.at(id).state, who == "its late answer" ? TaskState::success : TaskState::error);
        EXPECT_TRUE(net.again.empty());
        crash();
    }
}

TEST_F(SendOrderTest, ARestartDoesNotForgetACommandThatAnAgentWithoutAJournalFoundSent)
{
    boot();
    join(Tasks::resends);
    const std::string id = print();
    ASSERT_EQ(net.journalled, 1U);
    leave();
    join(0); // other software under this id: the command is not sent to it
    disk.commit(true);
    EXPECT_EQ(net.sent[id], 0);
    crash();
    join(Tasks::resends);
    EXPECT_EQ(net.journalled, 1U);
    pass(31s);
    disk.commit(true);
    EXPECT_EQ(disk.rows.at(id).code, "INTERRUPTED");
}

TEST_F(SendOrderTest, ARestartResendsWhatMayBeResentOrWasNeverSent)
{
    boot();
    join(1);
    const std::string allowed = print();
    disk.commit(true);
    EXPECT_EQ(net.sent[allowed], 1);
    crash();
    join(1);
    disk.commit(true);
    EXPECT_EQ(net.sent[allowed], 2) << "the operator allows one repetition";
    answer(allowed);
    disk.commit(true);

    const std::string never = print();
    leave(); // while its row is being written
    disk.commit(true);
    disk.commit(true);
    crash();
    pass(31s);
    join(0);
    disk.commit(true);
    EXPECT_EQ(net.sent[never], 1) << "it is not adrift";

    net.busy = true;
    const std::string refused = print();
    disk.commit(true);
    net.busy = false;
    for (const std::string& id : std::exchange(net.not_taken, {}))
        enter([&] { hub->commands.events().not_taken("shop", id); });
    disk.commit(true);
    crash();
    pass(31s);
    join(0);
    disk.commit(true);
    EXPECT_EQ(net.sent[refused], 1) << "the connection had no space for it";
}

TEST_F(SendOrderTest, AfterARestartAnAnswerWithoutAnIdStillBelongsToTheCommandSentBefore)
{
    net.agent.protocol = "signed";
    boot();
    join(0);
    const std::string first = command("lights");
    disk.commit(true);
    ASSERT_EQ(net.sent[first], 1);
    crash();
    join(0);
    const std::string second = command("lights");
    disk.commit(true);
    EXPECT_EQ(net.sent[second], 0) << "the two answers could not be distinguished";
    answer({}, "lights");
    disk.commit(true);
    EXPECT_EQ(disk.rows.at(first).state, TaskState::success);
    disk.commit(true);
    EXPECT_EQ(net.sent[second], 1);
}

TEST_F(SendOrderTest, AFailingDiskDelaysTheTaskEvenAcrossADisconnect)
{
    boot();
    join();
    const std::string id = print();
    disk.commit(false);
    EXPECT_EQ(net.sent[id], 0);
    disk.full = true;
    pass(1s);
    EXPECT_EQ(net.sent[id], 0) << "nothing can be written";
    disk.full = false;
    pass(1s);
    leave(); // while its row is being written
    disk.commit(true);
    EXPECT_EQ(net.sent[id], 0);
    pass(31s);
    join();
    disk.commit(true);
    EXPECT_EQ(net.sent[id], 1) << "it was never sent, so it is not adrift";
    EXPECT_TRUE(net.behind.empty());
}

TEST_F(SendOrderTest, ACommandDelayedByAFullConnectionIsSentOnceAndInOrder)
{
    boot();
    join();
    net.busy = true;
    const std::string first = print(), second = print();
    disk.commit(true);
    net.busy = false;
    for (const std::string& id : std::exchange(net.not_taken, {}))
        enter([&] { hub->commands.events().not_taken("shop", id); });
    disk.commit(true);
    EXPECT_EQ(disk.rows.at(first).sent, 0) << "its row no longer says that it was sent";
    pass(200ms);
    disk.commit(true);
    EXPECT_EQ(net.order, (std::vector{first, second}));
    EXPECT_TRUE(net.behind.empty());
}

TEST_F(SendOrderTest, RandomDeathsAndFullDisksNeverSendTooOften)
{
    std::size_t once = 0;
    for (unsigned seed = 1; seed <= 300; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        std::mt19937 random{seed};
        const auto below = [&](std::size_t n) { return std::size_t{random()} % n; };
        const int redispatch = static_cast<int>(below(3));
        disk = DiskTable{};
        net.sent.clear(), net.order.clear(), net.spent.clear();
        crash();
        for (int step = 0; step < 150; ++step) {
            switch (below(9)) {
            case 0:
                if (!net.there) join(below(4) == 0 ? Tasks::resends : redispatch); // sometimes an agenthost
                break;
            case 1:
                if (net.there && below(3) == 0) leave();
                break;
            case 2: print(); break;
            case 3:
            case 4: disk.commit(below(5) != 0); break;
            case 5:
                if (below(6) != 0) break;
                disk.commit(true, below(2) == 0);
                crash();
                break;
            case 6:
                net.busy = below(3) == 0;
                for (const std::string& id : std::exchange(net.not_taken, {}))
                    enter([&] { hub->commands.events().not_taken("shop", id); });
                if (!net.busy && net.there) enter([&] { hub->commands.events().writable("shop"); });
                break;
            case 7:
                disk.full = below(4) == 0;
                pass(std::chrono::milliseconds{below(3'000)});
                break;
            case 8:
                if (net.order.empty() || !net.there) break;
                enter([&] {
                    hub->commands.events().result("shop",
                                                  {.id = net.order[below(net.order.size())], .data = "{}"});
                });
                break;
            }
            ASSERT_TRUE(net.behind.empty()) << "sent before the disk had it";
            ASSERT_TRUE(net.again.empty()) << "sent after its last allowed time";
        }
        for (const auto& [id, times] : net.sent) {
            EXPECT_LE(times, redispatch + 1) << id;
            once += times > 0 ? 1 : 0;
        }
        if (HasFailure()) return;
    }
    EXPECT_GT(once, 300U) << "and work gets done";
}

} // namespace

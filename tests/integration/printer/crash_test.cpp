// kill -9 at random bytes and times, in each mode: no second receipt, and few outcomes that nobody knows.
// 10,000 jobs over 4 printers with random faults: each is printed once or unknown, and the sum is right.
#include "../../support/network_printer.hpp"
#include "box.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <random>

namespace agenthost::test {
namespace {

bool proof() { return std::getenv("AGENTHOST_PROOF") != nullptr; }

struct Mode {
    const char* name;
    Json overrides;
    bool commits, confirms;
    unsigned bytes_between_kills, time_between_kills; // at most: about four jobs; ms
};
void PrintTo(const Mode& mode, std::ostream* out) { *out << mode.name; }

std::vector<Mode> modes()
{
    const Json proves{{"confirmation", "process_id"}};
    Json commit{{"commit", "raster"}, {"commit_buffer", 1 << 20}};
    Json both = commit;
    both.update(proves);
    return {{"Plain", Json::object(), false, false, 600, 60},
            {"PlainConfirmed", proves, false, true, 600, 60},
            {"Commit", commit, true, false, 240'000, 1'400},
            {"CommitConfirmed", both, true, true, 240'000, 1'400}};
}

std::map<int, std::string> outcomes(const std::filesystem::path& sayings)
{
    std::map<int, std::string> out;
    std::ifstream in{sayings};
    int task = 0;
    for (std::string outcome; in >> task >> outcome;) {
        EXPECT_FALSE(out.contains(task)) << "task " << task << " was answered twice";
        out[task] = outcome;
    }
    return out;
}

std::size_t occurrences(const std::string& in, const std::string& what)
{
    std::size_t count = 0;
    for (auto at = in.find(what); at != std::string::npos; at = in.find(what, at + what.size())) ++count;
    return count;
}

// Receipts on paper, by what tells them apart: the first line, or with commit printing the stored picture
// that was printed.
std::map<std::string, std::size_t> receipts(const std::string& paper, bool commits, int count)
{
    std::map<std::string, std::size_t> out;
    if (!commits) {
        for (int task = 1; task <= count; ++task) {
            const std::string line = "receipt " + std::to_string(task) + "\n";
            if (const std::size_t found = occurrences(paper, line)) out[line] = found;
        }
        return out;
    }
    const std::string print{"\x1d(L\x02\0\x30\x32", 7}, store{"\x30\x70\x30\x01\x01\x31"};
    for (auto at = paper.find(print); at != std::string::npos; at = paper.find(print, at + print.size())) {
        const auto from = paper.rfind(store, at);
        if (from != std::string::npos) ++out[paper.substr(from, at - from)];
    }
    return out;
}

class Crash : public ::testing::TestWithParam<Mode> {
protected:
    Crash()
    {
        std::filesystem::create_directory(dir_ / "state");
        const Json device{
            {"alias", "Kitchen"}, {"address", printer_.address()}, {"overrides", GetParam().overrides}};
        config_ = {{"devices", {device}}, {"queue_jobs", 100}};
    }
    Process driver() const
    {
        return Process{{.argv = {(binary_dir() / "tests/printer_driver").string(), dir_ / "state",
                                 config_.dump(), dir_ / "sayings", std::to_string(count), lines}}};
    }
    void run_to_the_end()
    {
        printer_.set({.confirms = GetParam().confirms}); // nothing is killed now, so it may be fast
        printer_.go_on();
        Process last = driver();
        ASSERT_EQ(last.wait(std::chrono::minutes{5}), 0) << last.err();
    }
    // No second receipt, and no outcome that says more than the paper. The number of unknown outcomes.
    std::size_t unknown() const
    {
        const auto said = outcomes(dir_ / "sayings");
        EXPECT_EQ(said.size(), static_cast<std::size_t>(count));
        const std::string paper = printer_.received();
        const auto found = receipts(paper, GetParam().commits, count);
        for (const auto& [receipt, times] : found)
            EXPECT_EQ(times, 1u) << "a second receipt: " << receipt.substr(0, 20);
        std::map<std::string, std::size_t> sums;
        for (const auto& [task, outcome] : said) {
            ++sums[outcome];
            if (GetParam().commits || outcome == "unknown") continue;
            EXPECT_EQ(occurrences(paper, "receipt " + std::to_string(task) + "\n"),
                      outcome == "not_started" ? 0u : 1u)
                << outcome;
        }
        const std::size_t certain = sums["printed"] + sums["sent"];
        EXPECT_EQ(certain + sums["unknown"] + sums["not_started"], said.size())
            << ::testing::PrintToString(sums);
        EXPECT_GE(found.size(), certain);
        EXPECT_LE(found.size(), certain + sums["unknown"]);
        return sums["unknown"];
    }

    // With commit printing 2 % of the kills (issue 12): 6 of the proof's 300. Of the 15 of a short run they
    // would be none, and two may fall into the milliseconds between the rows around the last bytes by chance.
    // Without commit printing each kill within a job is one.
    static std::size_t most_unknown(int killed)
    {
        return static_cast<std::size_t>(GetParam().commits ? std::max(2, killed / 50) : killed);
    }

    // Bytes per second of a picture that a fast receipt printer (300 mm/s, 8 dots/mm) puts on paper.
    static constexpr std::size_t printing_speed = 172'800;
    const int kills = proof() ? 300 : 15, count = 3 * kills;
    // Receipts of up to 55 lines, pictures of up to 1,650 rows: 10 cm on average.
    static constexpr const char* lines = "9";
    NetworkPrinter printer_{{.confirms = GetParam().confirms, .receive_buffer = 4'096}};
    TempDir dir_;
    Json config_;
    std::mt19937 random_{1};
};

// The printer has read a random number of bytes when the agent is killed.
TEST_P(Crash, AtARandomByteMakesNoSecondReceipt)
{
    int killed = 0;
    for (; killed < kills; ++killed) {
        printer_.go_on();
        printer_.pause_after(1 + random_() % GetParam().bytes_between_kills);
        Process agent = driver();
        ASSERT_TRUE(wait_for([&] { return printer_.paused() || !agent.running(); }));
        if (!agent.running()) break;
        agent.signal(SIGKILL);
        (void)agent.wait();
    }
    EXPECT_EQ(killed, kills) << "the jobs were done before";
    run_to_the_end();
    const std::size_t lost = unknown();
    std::printf("%s: %d kills, %d jobs, %zu unknown\n", GetParam().name, killed, count, lost);
    EXPECT_LE(lost, most_unknown(killed));
}

// The agent is killed after a random time: also while it starts, stores, waits or ends a job.
TEST_P(Crash, AtARandomTimeMakesNoSecondReceipt)
{
    NetworkPrinter::Habits habits{.confirms = GetParam().confirms};
    habits.bytes_per_second = printing_speed;
    printer_.set(habits);
    int killed = 0;
    for (; killed < kills; ++killed) {
        Process agent = driver();
        if (agent.wait(std::chrono::milliseconds{10 + random_() % GetParam().time_between_kills})) break;
        agent.signal(SIGKILL);
        (void)agent.wait();
    }
    run_to_the_end();
    const std::size_t lost = unknown();
    std::printf("%s: %d kills, %d jobs, %zu unknown\n", GetParam().name, killed, count, lost);
    EXPECT_LE(lost, most_unknown(killed));
}

INSTANTIATE_TEST_SUITE_P(PrinterModes, Crash, ::testing::ValuesIn(modes()),
                         [](const auto& mode) { return std::string{mode.param.name}; });

TEST(PrinterCrash, EachOfManyJobsOnFourFaultyPrintersHasOneOutcome)
{
    std::mt19937 random{2};
    std::vector<std::unique_ptr<NetworkPrinter>> printers;
    Json devices = Json::array();
    for (int i = 0; i < 4; ++i) {
        NetworkPrinter::Habits habits;
        habits.resets_after = 60 + random() % 400;
        habits.resets = proof() ? 20 : 3;
        printers.push_back(std::make_unique<NetworkPrinter>(habits));
        devices.push_back({{"alias", "p" + std::to_string(i)},
                           {"address", printers.back()->address()},
                           {"overrides", {{"confirmation", "process_id"}}}});
    }
    const int count = proof() ? 10'000 : 400;
    TempDir dir;
    std::filesystem::create_directory(dir / "state");
    const Json config{{"devices", devices}, {"queue_jobs", 10'000}};
    Process driver{{.argv = {(binary_dir() / "tests/printer_driver").string(), dir / "state", config.dump(),
                             dir / "sayings", std::to_string(count), "40"}}};
    ASSERT_EQ(driver.wait(std::chrono::minutes{20}), 0) << driver.err();
    std::map<std::string, int> sums;
    std::string paper;
    for (const auto& printer : printers) paper += printer->received();
    const auto said = outcomes(dir / "sayings");
    for (const auto& [task, outcome] : said) {
        ++sums[outcome];
        const auto found = occurrences(paper, "receipt " + std::to_string(task) + "\n");
        EXPECT_LE(found, 1u);
        if (outcome == "printed") {
            EXPECT_EQ(found, 1u) << task;
        }
    }
    EXPECT_EQ(said.size(), static_cast<std::size_t>(count));
    EXPECT_EQ(sums["printed"] + sums["unknown"], count);
    for (const auto& [outcome, sum] : sums) std::printf("%s %d\n", outcome.c_str(), sum);
}

} // namespace
} // namespace agenthost::test

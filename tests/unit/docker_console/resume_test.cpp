// An engine's log, an agent that is killed anywhere, and a ring that loses its newest bytes: in every case,
// each message is in the console once, in order.
#include "plugins/docker/console/ring.hpp"
#include "tests/support/support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace agenthost::docker::console;
namespace engine = agenthost::docker::engine;
namespace fs = std::filesystem;

// The order of the log never changes; `since` filters each message by itself.
struct Log {
    std::vector<std::int64_t> stamps;
    std::size_t begins = 0;  // rotation has dropped what is older
    std::size_t written = 0; // by now
    bool whole_seconds = false;

    // The messages that the engine returns for this position, as Client::logs() asks for them.
    [[nodiscard]] std::vector<std::size_t> since(std::int64_t from, std::size_t tail) const
    {
        constexpr std::int64_t second = 1'000'000'000;
        std::vector<std::size_t> out;
        for (std::size_t i = std::max(begins, written - std::min(tail, written)); i < written; ++i) {
            // Podman compares the time itself, and prints its seconds.
            // With a tail the client asks for no time.
            const bool given = tail < written  ? true
                               : whole_seconds ? from == 0 || stamps[i] > (from - second) / second * second
                                               : stamps[i] >= from;
            if (given) out.push_back(i);
        }
        return out;
    }
    [[nodiscard]] std::int64_t printed(std::size_t i) const
    {
        constexpr std::int64_t second = 1'000'000'000;
        return whole_seconds ? stamps[i] / second * second : stamps[i];
    }
};

enum class Kind { distinct, parts, podman, two_streams };

Log make_log(Kind kind, std::size_t size, std::mt19937& random)
{
    Log log;
    log.whole_seconds = kind == Kind::podman;
    std::int64_t now = 1'700'000'000'123'456'789;
    for (std::size_t i = 0; i < size; ++i) {
        switch (kind) {
        case Kind::distinct: now += 1 + static_cast<std::int64_t>(random() % 1'000'000); break;
        case Kind::parts: now += random() % 20 == 0 ? 1000 : 0; break;
        case Kind::podman: now += static_cast<std::int64_t>(random() % 5'000'000); break;
        case Kind::two_streams: now += static_cast<std::int64_t>(random() % 100'000); break;
        }
        log.stamps.push_back(kind == Kind::two_streams && random() % 3 == 0 ? now - 40'000 : now);
    }
    return log;
}

// The agent, from its start to its death.
class Agent {
public:
    Agent(const fs::path& folder, std::uint64_t max) : ring_{Ring::open(folder, why_, max)}
    {
        EXPECT_TRUE(ring_) << why_;
        intake_ = Intake{ring_->mark()};
    }
    void read(const Log& log, const std::string& container, std::size_t at_most, std::mt19937& random)
    {
        const auto from = intake_.begin(container, log.whole_seconds);
        // The newest messages first, as Follower does; then all.
        if (from.taken == 0 || log.whole_seconds ||
            !read_newest(log, from, from.taken + 1 + random() % 200, at_most, random))
            read_newest(log, from, log.written, at_most, random);
    }
    // False: they did not reach back to the position.
    bool read_newest(const Log& log, engine::LogPosition from, std::size_t tail, std::size_t at_most,
                     std::mt19937& random)
    {
        engine::LogResume resume{from};
        bool first = true;
        for (const std::size_t i : log.since(from.since_ns, tail)) {
            if (at_most-- == 0) return true;
            if (!resume.take(log.printed(i))) continue;
            if (std::exchange(first, false)) {
                if (tail < log.written && !resume.reaches_back()) return false;
                if (resume.gap() && gaps++ == 0) intake_.gap(log.printed(i));
            }
            const std::string text = std::to_string(i);
            engine::LogPart part;
            part.stamp_ns = log.printed(i);
            part.text = text;
            intake_.part(part);
            if (random() % 8 == 0) store();
        }
        return first ? tail >= log.written || resume.reaches_back() : true;
    }
    void store() { EXPECT_TRUE(ring_->append(intake_.take(), why_)) << why_; }
    [[nodiscard]] const Ring& ring() const { return *ring_; }

    int gaps = 0;

private:
    std::string why_;
    std::unique_ptr<Ring> ring_;
    Intake intake_;
};

// A power cut: the newest bytes of the newest file never reached the disk.
void lose_bytes(const fs::path& folder, std::mt19937& random)
{
    fs::path newest;
    for (const auto& file : fs::directory_iterator{folder}) newest = std::max(newest, file.path());
    const auto size = fs::file_size(newest);
    fs::resize_file(newest, size - std::min<std::uint64_t>(size, random() % 700));
}

// Every entry of the ring is the message whose number is its position.
void check(const Ring& ring, std::uint64_t first_position)
{
    auto page = ring.read({.offset = 0});
    while (!page.entries.empty()) {
        for (const auto& entry : page.entries)
            if (entry.position >= first_position) {
                ASSERT_EQ(entry.text, std::to_string(entry.position - first_position));
            }
        page = ring.read({.offset = page.next});
    }
}

TEST(ConsoleResume, HasNoGapAndNoRepeatWhereverTheAgentIsKilled)
{
    for (unsigned seed = 0; seed < 120; ++seed) {
        std::mt19937 random{seed};
        const agenthost::test::TempDir dir;
        const auto kind = static_cast<Kind>(seed % 4);
        Log log = make_log(kind, 3000, random);
        while (log.written < log.stamps.size()) {
            log.written = std::min(log.stamps.size(), log.written + 1 + random() % 300);
            {
                Agent agent{dir / "console", 32 * 1024};
                agent.read(log, "a", random() % 3 == 0 ? random() % 400 : 10'000, random);
                if (random() % 2 == 0) agent.store();
                EXPECT_EQ(agent.gaps, 0);
                check(agent.ring(), 0);
            }
            if (random() % 3 == 0) lose_bytes(dir / "console", random);
        }
        Agent last{dir / "console", 32 * 1024};
        last.read(log, "a", 100'000, random);
        last.store();
        EXPECT_EQ(last.ring().mark().next, log.stamps.size()) << seed;
        check(last.ring(), 0);
        if (testing::Test::HasFailure()) FAIL() << seed;
    }
}

TEST(ConsoleResume, ContinuesWithTheNextContainer)
{
    for (unsigned seed = 0; seed < 30; ++seed) {
        std::mt19937 random{seed};
        const agenthost::test::TempDir dir;
        std::uint64_t first = 0;
        for (const std::string container : {"a", "b", "c"}) {
            Log log = make_log(static_cast<Kind>(random() % 4), 300, random);
            log.written = log.stamps.size();
            for (;;) {
                Agent agent{dir / "console", 1024 * 1024};
                agent.read(log, container, random() % 200 + 1, random);
                agent.store();
                check(agent.ring(), first);
                if (agent.ring().mark().next == first + log.stamps.size()) break;
                if (random() % 3 == 0) {
                    Agent again{dir / "console", 1024 * 1024};
                    again.read(log, container, 10'000, random);
                    again.store();
                }
            }
            first += log.stamps.size();
        }
    }
}

TEST(ConsoleResume, SaysThatRotationHasDroppedOutput)
{
    std::mt19937 random{1};
    const agenthost::test::TempDir dir;
    Log log = make_log(Kind::distinct, 1000, random);
    log.written = 400;
    {
        Agent agent{dir / "console", 1024 * 1024};
        agent.read(log, "a", 10'000, random);
        agent.store();
    }
    log.begins = 700;
    log.written = 1000;
    Agent agent{dir / "console", 1024 * 1024};
    agent.read(log, "a", 10'000, random);
    agent.store();
    EXPECT_GT(agent.gaps, 0);
    EXPECT_EQ(agent.ring().mark().next, 701u); // with the note
    const auto note = agent.ring().read({.offset = 400, .limit = 1}).entries.at(0);
    EXPECT_EQ(note.stream, Stream::note);
}

} // namespace

// A printer, a disk and a process that can be killed, around the job machine: an independent model of what
// reaches paper. Each choice (how many bytes are taken, which fault, what happens next) comes from a Choices,
// so that a test may enumerate all of them or draw them.
#pragma once

#include "plugins/printer/job/machine.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace agenthost::printer::job::test {

struct Choices {
    virtual ~Choices() = default;
    virtual std::size_t choose(std::size_t count) = 0; // below count; 0 is the good day
};

// A content's byte i. 0xf0 opens a command of command_bytes.
std::uint8_t content_byte(JobId, std::size_t i);
constexpr std::size_t command_bytes = 20;
std::string content_of(JobId, std::size_t size);

// Understands the same command as the printer below.
class Tracker final : public CommandTracker {
public:
    void reset() override { open_ = 0; }
    void feed(Bytes) override;
    [[nodiscard]] std::size_t missing() const override { return open_; }

private:
    std::size_t open_ = 0;
};

// What the outside sees of a job.
struct Seen {
    std::uint64_t size = 0, commit_at = 0;
    std::uint64_t received = 0; // bytes that the printer has, in order
    unsigned receipts = 0;      // commit printing: how often it was printed
    bool cut = false;           // the printer lost its power in the middle
    unsigned ended = 0;
    Progress last;
};

class World {
public:
    struct Setup {
        Options options;
        std::size_t link_buffer = 0; // network: bytes that the kernel may hold and lose
        bool faults = true, kills = false, disk_fails = false;
    };
    World(Setup, Choices&);

    JobId add(std::uint64_t size, std::uint64_t commit_at);
    bool step();           // one thing happens; false: nothing can
    void finish_quietly(); // until every job has ended, without faults
    void kill();           // the process; the disk and the printer stay
    void cancel(JobId);
    void check() const; // after finish_quietly()

    std::map<JobId, Seen> jobs;
    unsigned kills = 0;

private:
    using Event = std::function<void(Actions&)>;
    struct Pending {
        Event event;
        char kind;
    };
    void start();
    void run(Actions&);
    void act(const Action&);
    void on_write(Bytes);
    void deliver(std::uint8_t); // to the printer
    void lose_link();
    void unplug();
    void receive();
    void commit(const act::Commit&);
    std::size_t choose(std::size_t count) { return quiet_ ? 0 : choices_.choose(count); }

    Setup setup_;
    Choices& choices_;
    std::unique_ptr<Machine> machine_;
    Time now_{};
    std::uint64_t device_ = 1; // another number when it was away
    bool absent_ = false;      // until it is opened in vain
    bool quiet_ = false, timer_ = false, link_ = false, writing_ = false;
    std::chrono::milliseconds timer_in_{};
    std::deque<Pending> pending_;
    // disk
    std::map<JobId, Progress> rows_;
    std::optional<std::uint64_t> dirty_row_;
    std::deque<std::function<void()>> unsynced_;
    // printer
    std::deque<std::uint8_t> kernel_; // network: taken, and not with the printer yet
    std::size_t open_ = 0;
    std::string control_; // the last bytes that are not content
    std::string replies_;
    bool silent_ = false;     // to one query
    JobId writer_ = 0;        // whose bytes arrive
    bool reset_ = false;      // by ESC @, since the last content
    std::string last_server_; // of the last content; empty: the process does not know it
    JobId next_id_ = 0;
};

} // namespace agenthost::printer::job::test

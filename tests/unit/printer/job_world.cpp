#include "job_world.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace agenthost::printer::job::test {

namespace {

std::string server_of(JobId id) { return id % 3 == 0 ? "another" : "server"; }

} // namespace

std::uint8_t content_byte(JobId id, std::size_t i)
{
    if (i % 37 == 5) return 0xf0;
    return static_cast<std::uint8_t>(0x80 + (id * 31 + i) % 0x6f);
}

std::string content_of(JobId id, std::size_t size)
{
    std::string out;
    for (std::size_t i = 0; i < size; ++i) out += static_cast<char>(content_byte(id, i));
    return out;
}

void Tracker::feed(Bytes bytes)
{
    for (const std::uint8_t byte : bytes) {
        if (open_ > 0)
            --open_;
        else if (byte == 0xf0)
            open_ = command_bytes;
    }
}

World::World(Setup setup, Choices& choices) : setup_{std::move(setup)}, choices_{choices} { start(); }

void World::start()
{
    machine_ = std::make_unique<Machine>(setup_.options, std::make_unique<Tracker>());
    std::vector<Ticket> tickets;
    for (const auto& [id, row] : rows_)
        if (row.state != State::ended)
            tickets.push_back({id, server_of(id), jobs[id].size, jobs[id].commit_at, row});
        else if (jobs[id].ended == 0) { // the answer was on the disk, and not given yet
            ++jobs[id].ended;
            jobs[id].last = row;
        }
    machine_->restore(std::move(tickets), dirty_row_);
    Actions actions;
    machine_->start(now_, actions);
    run(actions);
}

void World::kill()
{
    ++kills;
    // Some of what was not synced is on the disk, in order.
    for (std::size_t keep = choose(unsynced_.size() + 1); keep > 0; --keep) {
        unsynced_.front()();
        unsynced_.pop_front();
    }
    unsynced_.clear();
    lose_link();
    pending_.clear();
    timer_ = false;
    last_server_.clear(); // the next process does not know it
    start();
}

JobId World::add(std::uint64_t size, std::uint64_t commit_at)
{
    const JobId id = ++next_id_;
    jobs[id] = {.size = size, .commit_at = commit_at};
    rows_[id] = {};
    Actions actions;
    machine_->add({id, server_of(id), size, commit_at, {}}, nullptr, now_, actions);
    run(actions);
    return id;
}

void World::cancel(JobId id)
{
    Actions actions;
    machine_->cancel(id, now_, actions);
    run(actions);
}

void World::run(Actions& actions)
{
    // Actions of actions come later, as in the shell.
    for (std::size_t i = 0; i < actions.size(); ++i) act(Action{actions[i]});
}

void World::commit(const act::Commit& row)
{
    // The shell tries to store a final outcome until the disk takes it.
    const bool fails = setup_.disk_fails && row.progress.state != State::ended && choose(12) == 11;
    unsynced_.push_back([this, row, fails] {
        if (fails) return;
        EXPECT_TRUE(rows_[row.id].state != State::ended) << "a final outcome was changed";
        rows_[row.id] = row.progress;
    });
    pending_.push_back({[this, id = row.id, fails](Actions& out) {
                            unsynced_.front()();
                            unsynced_.pop_front();
                            std::optional<Problem> problem;
                            if (fails) problem = Problem{code::disk_full, "The disk is full."};
                            machine_->committed(id, problem, now_, out);
                        },
                        'c'});
}

void World::act(const Action& action)
{
    if (std::holds_alternative<act::Open>(action)) {
        EXPECT_FALSE(link_);
        pending_.push_back(
            {[this](Actions& out) {
                 if (std::exchange(absent_, false))
                     return machine_->open_failed({OpenError::Kind::not_found, "Away."}, now_, out);
                 if (setup_.faults && choose(6) == 5)
                     return machine_->open_failed({OpenError::Kind::unreachable, "Off."}, now_, out);
                 link_ = true;
                 machine_->opened(true, setup_.options.continues ? device_ : 0, now_, out);
             },
             'o'});
    } else if (std::holds_alternative<act::Close>(action)) {
        lose_link();
    } else if (const auto* write = std::get_if<act::Write>(&action)) {
        EXPECT_TRUE(link_ && !writing_);
        EXPECT_FALSE(write->bytes.empty());
        writing_ = true;
        pending_.push_back({[this, bytes = write->bytes](Actions& out) {
                                writing_ = false;
                                (void)out;
                                on_write(bytes);
                            },
                            'w'});
    } else if (std::holds_alternative<act::AskPort>(action)) {
        pending_.push_back({[this](Actions& out) {
                                std::optional<std::uint8_t> port;
                                if (setup_.options.continues && choose(3) != 2)
                                    port = choose(6) == 5 ? 0x38 : 0x18;
                                machine_->port_status(port, now_, out);
                            },
                            'l'});
    } else if (std::holds_alternative<act::Recover>(action)) {
        pending_.push_back({[this](Actions& out) { machine_->recovered(choose(4) != 3, now_, out); }, 'l'});
    } else if (std::holds_alternative<act::Finish>(action)) {
        pending_.push_back({[this](Actions& out) {
                                // FIN of the printer: it has everything.
                                const bool clean = choose(3) != 2;
                                while (clean && !kernel_.empty()) {
                                    deliver(kernel_.front());
                                    kernel_.pop_front();
                                }
                                machine_->finished(clean, now_, out);
                            },
                            'l'});
    } else if (const auto* load = std::get_if<act::Load>(&action)) {
        pending_.push_back({[this, id = load->id](Actions& out) {
                                const auto size = static_cast<std::size_t>(jobs[id].size);
                                machine_->loaded(
                                    id, std::make_shared<const std::string>(content_of(id, size)), now_, out);
                            },
                            'd'});
    } else if (const auto* row = std::get_if<act::Commit>(&action)) {
        commit(*row);
    } else if (const auto* dirty = std::get_if<act::Dirty>(&action)) {
        unsynced_.push_back([this, missing = dirty->missing] { dirty_row_ = missing; });
        pending_.push_back({[this](Actions&) {
                                unsynced_.front()();
                                unsynced_.pop_front();
                            },
                            'c'});
    } else if (const auto* mark = std::get_if<act::Mark>(&action)) {
        rows_[mark->id].taken = mark->taken;
    } else if (const auto* timer = std::get_if<act::Timer>(&action)) {
        timer_ = true;
        timer_in_ = timer->in;
    } else if (std::holds_alternative<act::StopTimer>(action)) {
        timer_ = false;
    } else if (const auto* ended = std::get_if<act::Ended>(&action)) {
        ++jobs[ended->id].ended;
        jobs[ended->id].last = ended->progress;
    }
}

void World::on_write(Bytes bytes)
{
    Written result;
    const std::size_t fault = setup_.faults ? choose(8) : 0;
    constexpr std::array faults{Fault::none,    Fault::none, Fault::none,        Fault::none,
                                Fault::stalled, Fault::gone, Fault::no_progress, Fault::gone};
    result.fault = faults[fault];
    result.taken = result.fault == Fault::none ? bytes.size() : choose(bytes.size() + 1);
    if (const Ticket* job = machine_->current()) writer_ = job->id;
    for (const std::uint8_t byte : bytes.first(result.taken)) kernel_.push_back(byte);
    while (kernel_.size() > setup_.link_buffer) {
        deliver(kernel_.front());
        kernel_.pop_front();
    }
    if (result.fault == Fault::gone) unplug();
    Actions actions;
    machine_->written(result, now_, actions);
    run(actions);
}

// Network: what the kernel holds arrives or not.
void World::lose_link()
{
    link_ = writing_ = false;
    std::erase_if(pending_,
                  [](const Pending& one) { return one.kind == 'w' || one.kind == 'l' || one.kind == 'o'; });
    for (std::size_t arrives = kernel_.size() - choose(kernel_.size() + 1); arrives > 0; --arrives) {
        deliver(kernel_.front());
        kernel_.pop_front();
    }
    kernel_.clear();
}

// USB: the device stays, or it was away, with its power or without.
void World::unplug()
{
    lose_link();
    if (!setup_.options.continues || choose(2) == 0) return;
    ++device_;
    absent_ = choose(2) == 1;
    if (choose(2) == 0) return;
    open_ = 0;
    control_.clear();
    replies_.clear();
    for (auto& [id, job] : jobs) {
        if (job.received == 0 || job.received == job.size) continue;
        if (job.commit_at > 0 && job.receipts == 0)
            job.received = 0;
        else
            job.cut = true;
    }
}

void World::deliver(std::uint8_t byte)
{
    const bool content = byte >= 0x80;
    if (content) {
        control_.clear();
        Seen& job = jobs[writer_];
        if (job.received == 0) {
            EXPECT_EQ(open_, 0u) << "an open command swallowed the start of job " << writer_;
            EXPECT_TRUE(reset_ || last_server_.empty() || last_server_ == server_of(writer_))
                << "job " << writer_ << " begins with what another server's job has set";
        }
        reset_ = false;
        last_server_ = server_of(writer_);
        EXPECT_LT(job.received, job.size) << "job " << writer_ << " sent more than it has";
        EXPECT_EQ(byte, content_byte(writer_, static_cast<std::size_t>(job.received)))
            << "job " << writer_ << " at byte " << job.received;
        ++job.received;
        if (job.commit_at > 0 && job.received == job.commit_at + 1) ++job.receipts;
    }
    if (open_ > 0) {
        --open_;
        return;
    }
    if (byte == 0xf0) open_ = command_bytes;
    if (content) return;
    control_ += static_cast<char>(byte);
    if (control_.ends_with("\x1b@")) { // the buffer of commit printing is empty
        reset_ = true;
        for (auto& [id, job] : jobs)
            if (job.commit_at > 0 && job.receipts == 0) job.received = 0;
        control_.clear();
    }
    const auto request = control_.find(std::string{"\x1d(H\x06\x00\x30\x30", 7});
    if (request != std::string::npos && control_.size() == request + 11) {
        replies_ += "\x37\x22" + control_.substr(request + 7) + std::string(1, '\0');
        control_.clear();
    }
    const std::size_t size = control_.size();
    const bool asked = size >= 3 && control_[size - 3] == 0x10 && control_[size - 2] == 0x04;
    if (asked && byte == 1) silent_ = choose(16) == 15; // the first of a query's questions
    if (asked && !silent_) replies_ += choose(10) == 9 && byte == 4 ? '\x72' : '\x12';
    // Its answer comes when all before it is processed; some printers do not know it.
    if (control_.ends_with("\x1dr\x01") && !silent_ && choose(10) != 9) replies_ += '\0';
}

void World::receive()
{
    const std::string bytes = std::exchange(replies_, {});
    Actions actions;
    machine_->received({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, now_, actions);
    run(actions);
}

bool World::step()
{
    now_ += std::chrono::milliseconds{1};
    if (setup_.kills && choose(40) == 39) {
        kill();
        return true;
    }
    if (setup_.faults && link_ && !writing_ && choose(30) == 29) {
        unplug();
        Actions actions;
        machine_->gone("unplugged", now_, actions);
        run(actions);
        return true;
    }
    if (link_ && !replies_.empty() && choose(4) != 3) {
        receive();
        return true;
    }
    if (!pending_.empty()) {
        // Those of the disk stay in order, and those of the link.
        std::size_t at = choose(pending_.size());
        for (std::size_t i = 0; i < at; ++i)
            if (pending_[i].kind == pending_[at].kind) at = i;
        const Pending one = std::move(pending_[at]);
        pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(at));
        Actions actions;
        one.event(actions);
        run(actions);
        return true;
    }
    if (!timer_) return false;
    timer_ = false;
    now_ += timer_in_;
    Actions actions;
    machine_->timer(now_, actions);
    run(actions);
    return true;
}

void World::finish_quietly()
{
    quiet_ = true;
    const auto open = [&] {
        return std::ranges::any_of(jobs, [](const auto& one) { return one.second.ended == 0; });
    };
    for (int steps = 0; open(); ++steps) {
        ASSERT_LT(steps, 20'000) << "the jobs do not end";
        if (step()) continue;
        Actions actions;
        machine_->wake(now_, actions);
        ASSERT_FALSE(actions.empty()) << "the machine waits for nothing";
        run(actions);
    }
}

void World::check() const
{
    for (const auto& [id, job] : jobs) {
        EXPECT_EQ(job.ended, 1u) << "job " << id << " has not ended once";
        EXPECT_LE(job.receipts, 1u) << "a second receipt of job " << id;
        const bool nothing = job.commit_at > 0 ? job.receipts == 0 : job.received == 0;
        switch (job.last.outcome) {
        case Outcome::printed:
        case Outcome::sent:
            EXPECT_TRUE(job.received == job.size && !job.cut) << "job " << id << " is not whole";
            break;
        case Outcome::not_started: EXPECT_TRUE(nothing) << "job " << id << " is on paper"; break;
        case Outcome::unknown: break;
        case Outcome::none: ADD_FAILURE() << "job " << id << " ended without an outcome";
        }
    }
}

} // namespace agenthost::printer::job::test

#include "runs.hpp"

#include "base/json_writer.hpp"

#include "wire/base64.hpp"
#include "wire/codes.hpp"
#include "wire/json/fields.hpp"
#include "wire/json/json.hpp"
#include "wire/json/numbers.hpp"

#include <algorithm>
#include <array>

namespace agenthost::hub {

namespace {

namespace json = wire::json;

constexpr int max_rounds = 5; // a command that prints faster than its past can be fetched gets a gap then
constexpr std::size_t max_queue = 64U << 10; // of a command_queue event

std::string_view text_of(std::span<const json::Member> members, std::string_view key)
{
    const json::Member* member = wire::find(members, key);
    return member != nullptr ? member->text : std::string_view{};
}

} // namespace

Runs::Runs(Core& core, Fanout& fanout, Commands& commands, Requests& requests, Limits limits)
    : core_{core}, commands_{commands}, requests_{requests}, limits_{limits},
      control_{core, fanout, commands, requests, [this](std::string_view id) UNDER_LOCK {
                   Entry* e = entry(id);
                   return e == nullptr ? nullptr : &e->run;
               }}
{}

TaskRecord Runs::make(std::string agent, std::string params) const
{
    return {.id = Commands::new_id(),
            .agent = std::move(agent),
            .action = std::string{run_action},
            .params = std::move(params),
            .expires = core_.utc() + core_.config.task_ttl.count()};
}

bool Runs::start(TaskRecord task, std::string* why) { return commands_.start(std::move(task), {}, why); }

Runs::Entry* Runs::entry(std::string_view id)
{
    const auto it = runs_.find(id);
    return it == runs_.end() ? nullptr : &it->second;
}

const Run* Runs::find(std::string_view id) const
{
    const auto it = runs_.find(id);
    return it == runs_.end() ? nullptr : &it->second.run;
}

std::vector<const Run*> Runs::open() const
{
    std::vector<const Run*> found = all();
    std::erase_if(found, [](const Run* run) { return run->over(); });
    return found;
}

std::vector<const Run*> Runs::all() const
{
    std::vector<const Run*> found;
    for (const auto& [id, e] : runs_) found.push_back(&e.run);
    std::sort(found.begin(), found.end(), [](const Run* a, const Run* b) {
        return std::tie(a->created, a->id) < std::tie(b->created, b->id);
    });
    return found;
}

// ---- who listens ----

std::uint64_t Runs::watch(std::string_view id, std::uint64_t from, Watch watch)
{
    Entry* e = entry(id);
    if (e == nullptr) return 0;
    const auto shared = std::make_shared<Watch>(std::move(watch));
    const std::uint64_t number = ++last_watch_;
    if (shared->output) {
        e->run.output.read(from, [&](const RunChunk& chunk) {
            shared->output(e->run, chunk);
            return true;
        });
    }
    if (!e->run.over()) e->watches.emplace(number, shared);
    return number;
}

void Runs::unwatch(std::string_view id, std::uint64_t watch)
{
    if (Entry* e = entry(id)) e->watches.erase(watch);
}

void Runs::tell(const Entry& e, const std::function<void(const Watch&)>& what)
{
    for (const Watch& all : observers_) what(all);
    if (e.watches.empty()) return;
    std::vector<std::shared_ptr<Watch>> now; // they may unwatch
    for (const auto& [number, watch] : e.watches) now.push_back(watch);
    for (const auto& watch : now) what(*watch);
}

void Runs::turn(Entry& e, RunState state)
{
    e.run.state = state;
    control_.turned(e.run);
    tell(e, [&](const Watch& w) {
        if (w.status) w.status(e.run);
    });
}

// ---- a run's life ----

void Runs::began(const TaskRecord& task)
{
    if (!core_.config.words.is_run(task.action) || runs_.contains(task.id)) return;
    Entry& e = runs_[task.id];
    e.run = begin_run(task);
    e.sent = task.sent > 0; // in an earlier process
    turn(e, RunState::queued);
}

void Runs::progress(std::string_view agent, const wire::Progress& progress)
{
    Entry* e = entry(progress.id);
    if (e == nullptr || e->run.agent != agent || e->run.over()) return;
    e->sent = true;
    std::string why;
    const auto members = json::split(progress.json, why);
    if (!members || e->run.state != RunState::queued) return;
    std::uint64_t position = 0;
    if (const json::Member* m = wire::find(*members, "position");
        m != nullptr && wire::read_whole(*m, position))
        e->run.position = position;
    if (text_of(*members, "status") != "running") return;
    e->run.started = core_.utc();
    e->run.position = 0;
    turn(*e, RunState::running);
}

void Runs::ended(const TaskRecord& task)
{
    Entry* e = entry(task.id);
    if (e == nullptr || e->run.over()) return;
    if (e->replay.empty()) return finish(*e, task);
    e->end = std::make_unique<TaskRecord>(task); // its last output is on the way
}

void Runs::finish(Entry& e, const TaskRecord& task)
{
    Run& run = e.run;
    const RunEnd end = end_run(run, task);
    state_gap(e, end.printed);
    run.ended = core_.utc();
    run.position = 0;
    const std::string id = run.id;
    turn(e, end.state);
    e.watches.clear();
    over_.push_back(id);
    forget_over();
}

// What the command printed last and never came: beyond max_output, or more than anybody kept while the agent was away.
void Runs::state_gap(Entry& e, std::uint64_t printed)
{
    const std::uint64_t came = e.channels.received();
    if (printed <= came || e.run.output.end() == 0) return;
    const RunChunk gap = e.run.output.append(1, printed - came, {});
    tell(e, [&](const Watch& w) {
        if (w.output) w.output(e.run, gap);
    });
}

void Runs::forget_over()
{
    while (over_.size() > limits_.over) {
        if (const auto it = runs_.find(over_.front()); it != runs_.end()) {
            memory_ -= it->second.run.output.cost();
            runs_.erase(it);
        }
        over_.pop_front();
    }
}

// ---- output ----

void Runs::stream(std::string_view agent, const wire::Stream& s)
{
    if (s.channel != 1 && s.channel != 2) return;
    const auto replay = replays_.find(s.id);
    Entry* e = entry(replay == replays_.end() ? s.id : std::string_view{replay->second});
    if (e == nullptr || e->run.agent != agent || e->run.over()) return;
    const bool early = !e->replay.empty() && s.offset > e->channels.next(s.channel);
    if (replay == replays_.end() && early)
        return e->channels.hold(s.channel, s.offset, s.bytes, limits_.held);
    take(*e, s.channel, s.offset, s.bytes);
}

void Runs::take(Entry& e, std::uint32_t number, std::uint64_t offset, std::string_view bytes)
{
    const auto piece = e.channels.take(number, offset, bytes);
    if (!piece) return;
    if (e.run.state == RunState::queued) { // an agent that did not say so
        e.run.started = core_.utc();
        turn(e, RunState::running);
    }
    const std::size_t before = e.run.output.cost();
    const RunChunk chunk = e.run.output.append(number, piece->missing, piece->bytes);
    memory_ += e.run.output.cost() - before;
    make_room(e);
    tell(e, [&](const Watch& w) {
        if (w.output) w.output(e.run, chunk);
    });
}

void Runs::make_room(Entry& e)
{
    const auto trim = [this](Run& run, std::size_t most) UNDER_LOCK {
        const std::size_t before = run.output.cost();
        run.output.trim(most);
        memory_ -= before - run.output.cost();
    };
    trim(e.run, limits_.output);
    for (auto old = over_.begin(); memory_ > limits_.memory && old != over_.end(); ++old) {
        if (Entry* done = entry(*old)) trim(done->run, 0);
    }
    if (memory_ > limits_.memory) {
        const std::size_t cost = e.run.output.cost(), above = memory_ - limits_.memory;
        trim(e.run, cost > above ? cost - above : 0);
    }
}

// ---- an agent that comes back ----

void Runs::agent_ready(const AgentRecord& agent)
{
    if (!carries_output(agent)) return;
    std::vector<std::string> ids;
    for (auto& [id, e] : runs_) {
        if (e.run.agent == agent.id && !e.run.over() && e.sent) ids.push_back(id);
    }
    for (const std::string& id : ids) {
        if (Entry* e = entry(id); e != nullptr && e->replay.empty()) {
            e->rounds = 0;
            fetch(*e);
        }
    }
}

void Runs::agent_lost(std::string_view agent)
{
    for (auto& [id, e] : runs_) {
        if (e.run.agent == agent) e.sent = true; // perhaps: then its next session is asked
    }
}

void Runs::fetch(Entry& e)
{
    ++e.rounds;
    const std::string id = e.run.id;
    const std::string params = base::json_object("commandId", id, "offset", e.channels.next(1),
                                                 "stderr_offset", e.channels.next(2), "follow", false);
    const auto answered = std::make_shared<bool>(false);
    const std::string request = requests_.ask(e.run.agent, "terminal.attach", params,
                                              [this, id, answered](const Requests::Answer& a) UNDER_LOCK {
                                                  *answered = true;
                                                  fetched(id, a);
                                              });
    if (*answered) return;
    e.replay = request;
    replays_.emplace(request, id);
}

void Runs::fetched(const std::string& id, const Requests::Answer& answer)
{
    Entry* e = entry(id);
    if (e == nullptr) return;
    replays_.erase(std::exchange(e->replay, {}));
    // An agent without terminal.attach counts from its new session on.
    if (answer.code == wire::code::unknown_action) e->channels.rebase();
    const bool broke = answer.code == wire::code::agent_offline;
    const auto held = e->channels.release();
    const bool overflowed = e->channels.overflowed();
    // After a broken session, held pieces follow a gap: the next session brings both.
    for (const RunChannels::Held& h : held) {
        if (!broke) take(*e, h.channel, h.offset, h.bytes);
    }
    if (overflowed && answer.ok && e->rounds < max_rounds) fetch(*e);
    if (!e->replay.empty() || !e->end) return;
    if (!broke) return settle(id);
    core_.after(core_.config.agent_grace,
                [this, id]() UNDER_LOCK { settle(id); }); // its next session may have the rest
}

// The end that waited for the last output, unless that is on its way again.
void Runs::settle(const std::string& id)
{
    Entry* e = entry(id);
    if (e == nullptr || !e->end || !e->replay.empty()) return;
    const auto end = std::move(e->end);
    finish(*e, *end);
}

// ---- events ----

void Runs::event(std::string_view agent, const wire::Event& event)
{
    std::string why;
    if (event.topic == "command_queue" || event.topic == "terminal.command_queue") {
        const auto members = json::split(event.json, why);
        const json::Member* queue = members ? wire::find(*members, "queue") : nullptr;
        if (queue == nullptr || queue->kind != json::Kind::array || queue->raw.size() > max_queue) return;
        for (const Watch& all : observers_) {
            if (all.queue) all.queue(agent, queue->raw);
        }
        return;
    }
    if (event.topic != "output") return; // of a protocol that has no frame for it
    const auto members = json::split(event.json, why);
    if (!members) return;
    const json::Member* id = wire::find(*members, "commandId");
    if (id == nullptr) id = wire::find(*members, "id");
    const json::Member* data = wire::find(*members, "data");
    if (data == nullptr) data = wire::find(*members, "text");
    Entry* e = id == nullptr ? nullptr : entry(id->text);
    if (e == nullptr || data == nullptr || data->kind != json::Kind::string) return;
    const std::uint32_t channel = text_of(*members, "stream") == "stderr" ? 2 : 1;
    std::uint64_t offset = e->channels.next(channel);
    if (const json::Member* m = wire::find(*members, "offset"); m != nullptr) wire::read_whole(*m, offset);
    std::string bytes;
    if (text_of(*members, "encoding") != "base64")
        bytes = data->text;
    else if (!wire::append_from_base64(bytes, data->text))
        return;
    stream(agent, {.id = e->run.id, .channel = channel, .offset = offset, .bytes = bytes});
}

} // namespace agenthost::hub

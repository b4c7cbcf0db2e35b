#include "runs.hpp"

#include "base/json_depth.hpp"
#include "base/json_writer.hpp"

#include "wire/base64.hpp"
#include "wire/codes.hpp"
#include "wire/dashboard/result.hpp"
#include "wire/json/fields.hpp"
#include "wire/json/json.hpp"
#include "wire/json/numbers.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>

namespace agenthost::hub {

namespace {

namespace json = wire::json;

constexpr std::size_t most_shown = 200; // bytes of a command that is kept to be shown
constexpr int most_rounds = 5; // a command that prints faster than its past can be fetched gets a gap then
constexpr std::size_t most_queue = 64U << 10; // of a command_queue event
constexpr std::array<std::string_view, 4> words{"queued", "running", "completed", "failed"};

std::string_view text_of(std::span<const json::Member> members, std::string_view key)
{
    const json::Member* member = wire::find(members, key);
    return member != nullptr ? member->text : std::string_view{};
}

// The hub gave up, or the process that ran it is gone: nobody decided that it should end.
bool lost(const TaskRecord& task)
{
    return task.code == wire::code::interrupted || task.code == wire::code::agent_offline ||
           task.code == wire::code::agent_not_found ||
           (task.state == TaskState::failed && task.code == wire::code::timeout);
}

// "ls -l /srv" of argv or command, cut where a character ends.
std::string shown_command(std::span<const json::Member> members)
{
    std::string shown{text_of(members, "command")};
    const json::Member* argv = wire::find(members, "argv");
    if (shown.empty() && argv != nullptr && argv->kind == json::Kind::array) {
        const auto words = base::parse_json<nlohmann::json>(argv->raw);
        for (const auto& word : words) {
            if (!word.is_string() || shown.size() > most_shown) break;
            shown += (shown.empty() ? "" : " ") + word.get<std::string>();
        }
    }
    std::size_t end = std::min(shown.size(), most_shown);
    while (end < shown.size() && end > 0 && (static_cast<unsigned char>(shown[end]) & 0xc0) == 0x80) --end;
    return shown.substr(0, end);
}

} // namespace

std::string_view word(RunState state) { return words.at(static_cast<std::size_t>(state)); }

Runs::Runs(Core& core, Fanout& fanout, Commands& commands, Requests& requests, Limits limits)
    : core_{core}, fanout_{fanout}, commands_{commands}, requests_{requests}, limits_{limits}
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
    if (const auto size = std::exchange(e.size, std::nullopt); size && state == RunState::running)
        resize(e.run.id, size->first, size->second, [](const Requests::Answer&) {});
    tell(e, [&](const Watch& w) {
        if (w.status) w.status(e.run);
    });
}

// ---- a run's life ----

void Runs::began(const TaskRecord& task)
{
    if (!core_.config.words.is_run(task.action) || runs_.contains(task.id)) return;
    Entry& e = runs_[task.id];
    e.run.id = task.id;
    e.run.agent = task.agent;
    e.run.created = task.created;
    e.sent = task.sent > 0; // in an earlier process
    std::string why;
    if (const auto members = json::split(task.params, why)) {
        e.run.priority = text_of(*members, "priority");
        e.run.command = shown_command(*members);
        const json::Member* pty = wire::find(*members, "pty");
        e.run.pty = pty != nullptr && pty->kind != json::Kind::null && pty->raw != "false";
    }
    if (e.run.priority.empty()) e.run.priority = "normal";
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
    const bool success = task.state == TaskState::success;
    wire::Result result;
    if (success)
        result.data = task.data;
    else
        result = {
            .outcome = wire::Outcome::error,
            .error = {.code = task.code, .message = task.message, .detail = task.detail, .data = task.data}};
    const wire::dashboard::RunEnd end = wire::dashboard::run_end(result);
    Run& run = e.run;
    int code = 0;
    const auto [rest, bad] =
        std::from_chars(end.exit_code.data(), end.exit_code.data() + end.exit_code.size(), code);
    if (bad == std::errc{} && !end.exit_code.empty()) run.exit_code = code;
    run.reason = lost(task) ? "agent_lost" : end.completed ? "exit" : end.reason;
    run.code = end.code;
    run.message = !end.code.empty() && success ? "The command did not end in time" : task.message;
    run.detail = task.detail;
    std::string why;
    std::uint64_t printed = 0;
    if (const auto members = task.data.empty() ? std::nullopt : json::split(task.data, why)) {
        run.signal = text_of(*members, "signal").substr(0, 32);
        if (const json::Member* m = wire::find(*members, "bytes")) wire::read_whole(*m, printed);
    }
    state_gap(e, printed);
    run.ended = core_.utc();
    run.position = 0;
    const std::string id = run.id;
    turn(e, end.completed ? RunState::completed : RunState::failed);
    e.watches.clear();
    over_.push_back(id);
    forget_over();
}

// What the command printed last and never came: beyond max_output, or more than anybody kept while the agent was away.
void Runs::state_gap(Entry& e, std::uint64_t printed)
{
    const std::uint64_t came = e.channels[0].next + e.channels[1].next;
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
    const Channel& channel = e->channels.at(s.channel - 1);
    if (replay == replays_.end() && !e->replay.empty() && s.offset > channel.next) return hold(*e, s);
    take(*e, s.channel, s.offset, s.bytes);
}

void Runs::take(Entry& e, std::uint32_t number, std::uint64_t offset, std::string_view bytes)
{
    Channel& channel = e.channels.at(number - 1);
    if (std::exchange(channel.rebase, false))
        channel.shift = static_cast<std::int64_t>(channel.next) - static_cast<std::int64_t>(offset);
    offset += static_cast<std::uint64_t>(channel.shift);
    if (offset + bytes.size() <= channel.next) return; // it came before
    if (offset < channel.next) {
        bytes.remove_prefix(channel.next - offset);
        offset = channel.next;
    }
    if (e.run.state == RunState::queued) { // an agent that did not say so
        e.run.started = core_.utc();
        turn(e, RunState::running);
    }
    const std::uint64_t missing = offset - channel.next;
    channel.next = offset + bytes.size();
    const std::size_t before = e.run.output.cost();
    const RunChunk chunk = e.run.output.append(number, missing, bytes);
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

void Runs::hold(Entry& e, const wire::Stream& s)
{
    if (e.overflow || e.held_bytes + s.bytes.size() > limits_.held) {
        e.overflow = true; // what is left out now is asked for in another round
        return;
    }
    e.held.push_back({s.channel, s.offset, std::string{s.bytes}});
    e.held_bytes += s.bytes.size();
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
    const std::string params = base::json_object("commandId", id, "offset", e.channels[0].next,
                                                 "stderr_offset", e.channels[1].next, "follow", false);
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
    if (answer.code == wire::code::unknown_action) { // it counts from its new session on
        for (Channel& channel : e->channels) channel.rebase = true;
    }
    auto held = std::exchange(e->held, {});
    e->held_bytes = 0;
    const bool broke = answer.code == wire::code::agent_offline;
    if (broke) { // what was held is behind a gap; the next session brings both
        held.clear();
        e->overflow = false;
    }
    for (const Held& h : held) take(*e, h.channel, h.offset, h.bytes);
    if (std::exchange(e->overflow, false) && answer.ok && e->rounds < most_rounds) fetch(*e);
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
        if (queue == nullptr || queue->kind != json::Kind::array || queue->raw.size() > most_queue) return;
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
    std::uint64_t offset = e->channels.at(channel - 1).next;
    if (const json::Member* m = wire::find(*members, "offset"); m != nullptr) wire::read_whole(*m, offset);
    std::string bytes;
    if (text_of(*members, "encoding") != "base64")
        bytes = data->text;
    else if (!wire::append_from_base64(bytes, data->text))
        return;
    stream(agent, {.id = e->run.id, .channel = channel, .offset = offset, .bytes = bytes});
}

// ---- to the agent ----

void Runs::ask(std::string_view id, std::string_view action, const WriteMembers& write, Then then)
{
    const Run* run = find(id);
    if (run == nullptr || run->over()) {
        const std::string shown{id.substr(0, 128)};
        return then(
            {.code = "COMMAND_NOT_FOUND",
             .message = run == nullptr ? "There is no command " + shown : "Command " + shown + " has ended"});
    }
    std::string params;
    base::JsonWriter json{params};
    json.object().member("commandId", id);
    if (write) write(json);
    json.end();
    requests_.ask(run->agent, action, params, std::move(then));
}

void Runs::interrupt(std::string_view id, bool force, Then then)
{
    interrupt(std::string{id}, force, 1, std::move(then));
}

void Runs::interrupt(const std::string& id, bool force, int tries, Then then)
{
    if (const Run* run = find(id); run != nullptr && commands_.cancel(run->id))
        return then({.ok = true, .data = R"({"status":"removed"})"});
    const auto members = [force](base::JsonWriter& json) {
        if (force) json.member("force", true);
    };
    ask(id, "terminal.interrupt", members,
        [this, id, force, tries, then = std::move(then)](const Requests::Answer& answer) UNDER_LOCK {
            const Run* run = find(id);
            const bool passes =
                answer.code == "COMMAND_NOT_FOUND" || answer.code == "RATE_LIMIT" || answer.code == "BUSY";
            if (!passes || tries >= max_interrupts || run == nullptr || run->over() ||
                interrupts_waiting_ >= max_interrupts_waiting)
                return then(answer);
            ++interrupts_waiting_;
            core_.after(interrupt_again, [this, id, force, tries, then]() UNDER_LOCK {
                --interrupts_waiting_;
                interrupt(id, force, tries + 1, then);
            });
        });
}

void Runs::input(std::string_view id, const Input& input, Then then)
{
    const auto members = [&input](base::JsonWriter& json) {
        if (!input.data.empty()) json.member("data", input.data);
        if (input.base64) json.member("encoding", "base64");
        if (input.eof) json.member("eof", true);
        if (input.offset) json.member("offset", *input.offset);
    };
    ask(id, "terminal.input", members, std::move(then));
}

void Runs::resize(std::string_view id, unsigned columns, unsigned rows, Then then)
{
    // There is no terminal to resize yet: the latest size is set as soon as there is.
    Entry* e = entry(id);
    const AgentRecord* agent = e == nullptr ? nullptr : fanout_.find(e->run.agent);
    const bool will_say = agent == nullptr || carries_output(*agent); // when the command runs
    if (e != nullptr && e->run.state == RunState::queued && will_say) {
        e->size = {columns, rows};
        return then({.ok = true});
    }
    const auto members = [&](base::JsonWriter& json) { json.member("cols", columns).member("rows", rows); };
    ask(id, "terminal.resize", members, std::move(then));
}

} // namespace agenthost::hub

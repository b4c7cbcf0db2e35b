#include "control.hpp"

namespace agenthost::hub {

void RunControl::ask(std::string_view id, std::string_view action, const WriteMembers& write, Then then)
{
    const Run* run = find_(id);
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

void RunControl::interrupt(std::string_view id, bool force, Then then)
{
    interrupt(std::string{id}, force, 1, std::move(then));
}

void RunControl::interrupt(const std::string& id, bool force, int tries, Then then)
{
    if (const Run* run = find_(id); run != nullptr && commands_.cancel(run->id))
        return then({.ok = true, .data = R"({"status":"removed"})"});
    const auto members = [force](base::JsonWriter& json) {
        if (force) json.member("force", true);
    };
    ask(id, "terminal.interrupt", members,
        [this, id, force, tries, then = std::move(then)](const Requests::Answer& answer) UNDER_LOCK {
            const Run* run = find_(id);
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

void RunControl::input(std::string_view id, const Input& input, Then then)
{
    const auto members = [&input](base::JsonWriter& json) {
        if (!input.data.empty()) json.member("data", input.data);
        if (input.base64) json.member("encoding", "base64");
        if (input.eof) json.member("eof", true);
        if (input.offset) json.member("offset", *input.offset);
    };
    ask(id, "terminal.input", members, std::move(then));
}

void RunControl::resize(std::string_view id, unsigned columns, unsigned rows, Then then)
{
    const Run* run = find_(id);
    const AgentRecord* agent = run == nullptr ? nullptr : fanout_.find(run->agent);
    const bool reports_start = agent == nullptr || carries_output(*agent);
    if (run != nullptr && run->state == RunState::queued && reports_start) {
        sizes_.insert_or_assign(run->id, std::pair{columns, rows});
        return then({.ok = true});
    }
    const auto members = [&](base::JsonWriter& json) { json.member("cols", columns).member("rows", rows); };
    ask(id, "terminal.resize", members, std::move(then));
}

void RunControl::turned(const Run& run)
{
    const auto node = sizes_.extract(run.id);
    if (node.empty() || run.state != RunState::running) return;
    const auto [columns, rows] = node.mapped();
    resize(run.id, columns, rows, [](const Requests::Answer&) {});
}

} // namespace agenthost::hub

#include "runs_rest.hpp"


#include <agenthost/json.hpp>

#include <charconv>

namespace agenthost::hub {

namespace {

template <class Number> bool whole(std::string_view text, Number& out)
{
    const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), out);
    return bad == std::errc{} && end == text.data() + text.size();
}

} // namespace

std::string run_json(const Run& r)
{
    std::string out = "{\"id\":" + json_string(r.id) + ",\"agent\":" + json_string(r.agent) +
                      ",\"status\":\"" + std::string{word(r.state)} +
                      "\",\"priority\":" + json_string(r.priority) +
                      ",\"created\":" + std::to_string(r.created);
    const auto number = [&](const char* name, std::int64_t value) {
        out += ",\"" + std::string{name} + "\":" + std::to_string(value);
    };
    const auto text = [&](const char* name, const std::string& value) {
        if (!value.empty()) out += ",\"" + std::string{name} + "\":" + json_string(value);
    };
    if (r.position > 0) number("position", static_cast<std::int64_t>(r.position));
    if (r.started > 0) number("started", r.started);
    if (r.ended > 0) number("ended", r.ended);
    if (r.exit_code) number("exitCode", *r.exit_code);
    text("reason", r.reason);
    text("signal", r.signal);
    out += ",\"output\":{\"begin\":" + std::to_string(r.output.begin()) +
           ",\"end\":" + std::to_string(r.output.end()) + "}";
    if (!r.code.empty()) {
        out += ",\"error\":{\"code\":" + json_string(r.code) + ",\"message\":" + json_string(r.message);
        if (!r.detail.empty()) out += ",\"detail\":" + json_string(r.detail);
        out += "}";
    }
    return out + "}";
}

void RunsRest::with_run(Conn conn, const std::string& id, const Caller& caller,
                        const std::function<void(const Run&)>& then)
{
    const Run* run = runs_.find(id);
    if (run != nullptr && caller.sees(run->agent)) return then(*run);
    calls_.refuse(conn, 404, "COMMAND_NOT_FOUND",
                  "There is no command " + id + ", or it ended long ago; /api/tasks/" + id +
                      " knows its result until it expires");
}

void RunsRest::show(Conn conn, const std::string& id, const Caller& caller)
{
    with_run(conn, id, caller, [&](const Run& run) { core_.answer(conn, json_answer(200, run_json(run))); });
}

void RunsRest::output(Conn conn, const Head& head, const std::string& id, const Caller& caller)
{
    with_run(conn, id, caller, [&](const Run& run) {
        Ask ask;
        const auto stream = query_value(head.query, "stream").value_or("");
        ask.channel = stream == "stdout" ? 1 : stream == "stderr" ? 2 : 0;
        if (ask.channel == 0 && !stream.empty())
            return calls_.refuse(conn, 400, "INVALID_REQUEST",
                                 "\"stream\" is stdout or stderr; both without it");
        if (const auto text = query_value(head.query, "offset"); text && !whole(*text, ask.offset))
            return calls_.refuse(conn, 400, "INVALID_REQUEST", "\"offset\" is not a number of bytes");
        if (const auto text = query_value(head.query, "wait");
            text && (!whole(*text, ask.wait_s) || !(ask.wait_s >= 0 && ask.wait_s <= longest_wait_s)))
            return calls_.refuse(conn, 400, "INVALID_REQUEST",
                                 "\"wait\" is not a number of seconds from 0 to 60");
        if (ask.offset > run.output.end())
            return calls_.refuse(conn, 416, "INVALID_REQUEST",
                                 "\"offset\" is beyond the " + std::to_string(run.output.end()) +
                                     " bytes there are");
        if (ask.wait_s > 0 && !run.over() && ask.offset == run.output.end()) return wait(conn, run, ask);
        answer(conn, run, ask);
    });
}

// Until there is something, the run is over, or the time is.
void RunsRest::wait(Conn conn, const Run& run, const Ask& ask)
{
    struct Waiting {
        std::uint64_t watch = 0;
        Timers::Id timer;
        bool done = false;
    };
    const auto waiting = std::make_shared<Waiting>();
    const auto leave = [this, waiting, id = run.id] {
        if (std::exchange(waiting->done, true)) return false;
        core_.timers.cancel(waiting->timer);
        runs_.unwatch(id, waiting->watch);
        return true;
    };
    const auto now = [this, conn, leave, id = run.id, ask] {
        if (!leave()) return;
        if (const auto it = core_.exchanges.find(conn); it != core_.exchanges.end()) it->second.on_drain = {};
        if (const Run* there = runs_.find(id)) answer(conn, *there, ask);
    };
    waiting->watch = runs_.watch(run.id, ask.offset,
                                 {.status =
                                      [now](const Run& r) {
                                          if (r.over()) now();
                                      },
                                  .output = [now](const Run&, const RunChunk&) { now(); },
                                  .queue = {}});
    waiting->timer =
        core_.timers.at(core_.now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                          std::chrono::duration<double>{ask.wait_s}),
                        now);
    Core::Exchange& exchange = core_.exchanges[conn];
    exchange.on_closed = [leave] { leave(); };
    exchange.on_drain = now;
}

void RunsRest::answer(Conn conn, const Run& run, const Ask& ask)
{
    Answer answer{.status = 200, .headers = {{"content-type", "application/octet-stream"}}};
    std::uint64_t next = ask.offset, missing = 0;
    bool whole = true;
    run.output.read(ask.offset, [&](const RunChunk& chunk) {
        const std::size_t room = most_at_once - answer.body.size();
        const std::string_view bytes = chunk.bytes.substr(0, room);
        missing += chunk.dropped;
        next = chunk.at + bytes.size();
        if (ask.channel == 0 || ask.channel == chunk.channel) answer.body += bytes;
        return whole = bytes.size() == chunk.bytes.size() && answer.body.size() < most_at_once;
    });
    if (whole) { // also past what was lost at the end
        missing += run.output.end() - next;
        next = run.output.end();
    }
    answer.headers.emplace_back("x-next-offset", std::to_string(next));
    if (missing > 0) answer.headers.emplace_back("x-dropped", std::to_string(missing));
    answer.headers.emplace_back("x-final", run.over() && next == run.output.end() ? "true" : "false");
    answer.headers.emplace_back("x-command-status", word(run.state));
    core_.answer(conn, std::move(answer));
}

} // namespace agenthost::hub

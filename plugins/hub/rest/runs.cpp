#include "runs.hpp"

#include "plugins/hub/tasks/calls.hpp"

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
    std::string out;
    base::JsonWriter json{out};
    json.object()
        .member("id", r.id)
        .member("agent", r.agent)
        .member("status", to_string(r.state))
        .member("priority", r.priority)
        .member("created", r.created);
    if (r.position > 0) json.member("position", r.position);
    if (r.started > 0) json.member("started", r.started);
    if (r.ended > 0) json.member("ended", r.ended);
    if (r.exit_code) json.member("exitCode", *r.exit_code);
    if (!r.reason.empty()) json.member("reason", r.reason);
    if (!r.signal.empty()) json.member("signal", r.signal);
    json.object("output").member("begin", r.output.begin()).member("end", r.output.end()).end();
    write_error(json, r.code, r.message, r.detail);
    json.end();
    return out;
}

std::vector<Route> RunsRest::routes()
{
    return {
        {"GET", "/api/commands/:id", Needs::dashboard, [this](const HttpRequest& r) UNDER_LOCK { show(r); }},
        {"GET", "/api/commands/:id/output", Needs::dashboard,
         [this](const HttpRequest& r) UNDER_LOCK { output(r); }}};
}

void RunsRest::with_run(const HttpRequest& request, const std::function<void(const Run&)>& then)
{
    const std::string& id = request.arguments[0];
    const Run* run = runs_.find(id);
    if (run != nullptr && request.caller.sees(run->agent)) return then(*run);
    request.exchange.refuse(404, "COMMAND_NOT_FOUND",
                            "There is no command " + id + ", or it ended long ago; /api/tasks/" + id +
                                " has its result until it expires");
}

void RunsRest::show(const HttpRequest& request)
{
    with_run(request,
             [&](const Run& run) UNDER_LOCK { request.exchange.answer(json_answer(200, run_json(run))); });
}

void RunsRest::output(const HttpRequest& request)
{
    const Exchange& exchange = request.exchange;
    const Head& head = request.head;
    with_run(request, [&](const Run& run) UNDER_LOCK {
        Ask ask;
        const auto stream = query_value(head.query, "stream").value_or("");
        ask.channel = stream == "stdout" ? 1 : stream == "stderr" ? 2 : 0;
        if (ask.channel == 0 && !stream.empty())
            return exchange.refuse(400, "INVALID_REQUEST", "\"stream\" is stdout or stderr; both without it");
        if (const auto text = query_value(head.query, "offset"); text && !whole(*text, ask.offset))
            return exchange.refuse(400, "INVALID_REQUEST", "\"offset\" is not a number of bytes");
        if (const auto text = query_value(head.query, "wait");
            text && (!whole(*text, ask.wait_s) || !(ask.wait_s >= 0 && ask.wait_s <= max_wait_s)))
            return exchange.refuse(400, "INVALID_REQUEST",
                                   "\"wait\" is not a number of seconds from 0 to 60");
        if (ask.offset > run.output.end())
            return exchange.refuse(416, "INVALID_REQUEST",
                                   "\"offset\" is beyond the " + std::to_string(run.output.end()) +
                                       " available bytes");
        if (ask.wait_s > 0 && !run.over() && ask.offset == run.output.end()) return wait(exchange, run, ask);
        answer(exchange, run, ask);
    });
}

// Waits for output, the end of the run, or the timeout.
void RunsRest::wait(const Exchange& exchange, const Run& run, const Ask& ask)
{
    struct Waiting {
        std::uint64_t watch = 0;
        Timers::Id timer;
        bool done = false;
    };
    const auto waiting = std::make_shared<Waiting>();
    const auto leave = [this, waiting, id = run.id]() UNDER_LOCK {
        if (std::exchange(waiting->done, true)) return false;
        core_.timers.cancel(waiting->timer);
        runs_.unwatch(id, waiting->watch);
        return true;
    };
    const auto now = [this, exchange, leave, id = run.id, ask]() UNDER_LOCK {
        if (!leave()) return;
        if (const Run* there = runs_.find(id)) answer(exchange, *there, ask);
    };
    waiting->watch = runs_.watch(run.id, ask.offset,
                                 {.status =
                                      [now](const Run& r) UNDER_LOCK {
                                          if (r.over()) now();
                                      },
                                  .output = [now](const Run&, const RunChunk&) UNDER_LOCK { now(); },
                                  .queue = {}});
    waiting->timer = core_.after(std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                     std::chrono::duration<double>{ask.wait_s}),
                                 now);
    exchange.on_closed([leave]() UNDER_LOCK { leave(); });
    exchange.on_drain(now);
}

void RunsRest::answer(const Exchange& exchange, const Run& run, const Ask& ask)
{
    Answer answer{.status = 200, .headers = {{"content-type", "application/octet-stream"}}};
    std::uint64_t next = ask.offset, missing = 0;
    bool whole = true;
    run.output.read(ask.offset, [&](const RunChunk& chunk) {
        const std::size_t free_space = max_at_once - answer.body.size();
        const std::string_view bytes = chunk.bytes.substr(0, free_space);
        missing += chunk.dropped;
        next = chunk.at + bytes.size();
        if (ask.channel == 0 || ask.channel == chunk.channel) answer.body += bytes;
        return whole = bytes.size() == chunk.bytes.size() && answer.body.size() < max_at_once;
    });
    if (whole) { // skips output that was lost at the end
        missing += run.output.end() - next;
        next = run.output.end();
    }
    answer.headers.emplace_back("x-next-offset", std::to_string(next));
    if (missing > 0) answer.headers.emplace_back("x-dropped", std::to_string(missing));
    answer.headers.emplace_back("x-final", run.over() && next == run.output.end() ? "true" : "false");
    answer.headers.emplace_back("x-command-status", to_string(run.state));
    exchange.answer(std::move(answer));
}

} // namespace agenthost::hub

// Streams of a container: statistics, logs, standard input, archives.
#include "client_calls.hpp"
#include "json_lines.hpp"

#include <algorithm>

namespace agenthost::docker::engine {

namespace {

// Until a stream begins. The engine answers at once unless it is stuck.
constexpr std::chrono::seconds stream_begins{15};
// The engine sends each message of a log in a write of its own. Reads that take many of them at once cost much
// less, and this delay cannot be noticed at a console.
constexpr std::chrono::milliseconds log_pace{5};

// The state of a log reading between its pieces.
struct LogState {
    LogState(LogParts::Format format, std::shared_ptr<LogResume> position, LogHandlers on,
             std::weak_ptr<int> client)
        : parts{format}, resume{std::move(position)}, handlers{std::move(on)}, alive{std::move(client)}
    {}
    LogParts parts;
    std::shared_ptr<LogResume> resume;
    LogHandlers handlers;
    std::weak_ptr<int> alive; // a handler may destroy the client, in the middle of what was read
    bool deliver = true;      // the message whose pieces are arriving
    std::string engine_error;
    // Docker 20.10 sends a file twice when the log is rotated while it opens its files.
    bool ordered = false, went_back = false;
    std::int64_t newest_ns = 0;

    void on_part(const LogPart& part)
    {
        if (alive.expired()) return;
        if (part.stream == OutputStream::error) { // the engine's own message about the log
            if (engine_error.size() < max_engine_message) engine_error += part.text;
            return;
        }
        went_back = went_back || (ordered && part.stamp_ns < newest_ns - LogTrack::window_ns);
        if (went_back) return;
        newest_ns = std::max(newest_ns, part.stamp_ns);
        if (!part.continues) deliver = resume->take(part.stamp_ns);
        if (deliver && handlers.on_part) handlers.on_part(part);
    }
};

Target log_target(std::string_view container, const LogOptions& options, bool podman)
{
    Target target = container_target(container, "/logs");
    target.query("follow", options.follow).query("stdout", options.out).query("stderr", options.err);
    target.query("timestamps", true);
    if (options.tail) {
        // Without `since`: an older message among them shows that they reach back far enough.
        target.query("tail", std::to_string(*options.tail));
    } else if (options.from.since_ns > 0) {
        // Podman cuts the fraction off and omits messages with exactly this time.
        constexpr std::int64_t second = 1'000'000'000;
        target.query("since", engine_time(podman ? options.from.since_ns - second : options.from.since_ns));
    }
    return target;
}

} // namespace

Running Client::follow_stats(std::string_view container, std::function<void(const StatsSample&)> on_sample,
                             std::function<void(std::optional<Error>)> on_end)
{
    auto what = named("follow statistics of", container);
    if (!is_container_name(container))
        return refuse<Done>(std::move(what), bad_container_name,
                            [on_end = std::move(on_end)](Result<Done> r) { on_end(std::move(r.error())); });
    Target target = container_target(container, "/stats");
    target.query("stream", true);
    Request stats = request("GET", std::move(what), target.text(), {});
    stats.own_connection = true;
    stats.timeouts.head = stream_begins;
    stats.timeouts.idle = std::chrono::minutes{1}; // one a second, unless the engine is stuck
    Handlers handlers;
    handlers.on_content = [lines = std::make_shared<JsonLines>(), alive = std::weak_ptr{alive_},
                           on_sample = std::move(on_sample)](std::string_view bytes) -> const char* {
        bool good = true;
        const bool fits = lines->push(bytes, [&](std::string_view line) {
            const auto sample = read_stats(line);
            if (sample) on_sample(*sample);
            good = sample.has_value();
            return good && !alive.expired();
        });
        if (!fits) return "a line of statistics is longer than 1 MiB";
        return good ? nullptr : "a line is not statistics";
    };
    handlers.on_end = std::move(on_end);
    return Running{begin(std::move(stats), std::move(handlers))};
}

LogReading Client::logs(std::string_view container, const LogOptions& options, LogHandlers handlers)
{
    const auto resume = std::make_shared<LogResume>(options.from);
    auto what = named("read the log of", container);
    if (!is_container_name(container)) {
        refuse<Done>(std::move(what), bad_container_name,
                     [on_end = std::move(handlers.on_end)](Result<Done> r) { on_end(std::move(r.error())); });
        return {{}, resume};
    }
    Request logs = request("GET", std::move(what), log_target(container, options, podman_).text(), {});
    logs.own_connection = true;
    // A container may stay silent for any length of time, so its stream has no idle limit.
    logs.timeouts.head = stream_begins;
    logs.pace = log_pace;
    if (!options.follow) logs.timeouts.idle = options_.transfer_idle;
    const CallContext context{options_.socket, logs.context.what, podman_};
    const auto state =
        std::make_shared<LogState>(options.tty ? LogParts::Format::raw : LogParts::Format::multiplexed,
                                   resume, std::move(handlers), alive_);
    state->ordered = !podman_;
    Handlers on;
    on.on_head = [state](const netclient::ResponseHead&) {
        if (state->handlers.on_open) state->handlers.on_open();
    };
    on.on_content = [state](std::string_view bytes) -> const char* {
        if (!state->parts.push(bytes, [&](const LogPart& part) { state->on_part(part); }))
            return "a frame of the log is not valid; does the container have a terminal?";
        if (state->went_back) return "old messages follow newer ones; the log was rotated meanwhile";
        return nullptr;
    };
    on.on_end = [state, context](std::optional<Error> error) {
        // After a break the last message may be incomplete: it was not taken, and is sent again.
        const bool complete =
            error || state->parts.finish([&](const LogPart& part) { state->on_part(part); });
        if (!error && !state->engine_error.empty()) error = error_in_stream(context, state->engine_error);
        if (!error && !complete) error = error_of_answer(context, "the log ends inside of a frame");
        if (state->handlers.on_end) state->handlers.on_end(std::move(error));
    };
    return {begin(std::move(logs), std::move(on)), resume};
}

Sending Client::attach_input(std::string_view container, InputHandlers on)
{
    auto what = named("attach to the standard input of", container);
    if (!is_container_name(container)) {
        refuse<Done>(std::move(what), bad_container_name,
                     [on_end = std::move(on.on_end)](Result<Done> r) { on_end(std::move(r.error())); });
        return {};
    }
    Target target = container_target(container, "/attach");
    target.query("stream", true).query("stdin", true);
    Request attach = request("POST", std::move(what), target.text(), {});
    attach.own_connection = true;
    attach.switching = netclient::Switching::expected;
    attach.timeouts.head = stream_begins;
    Handlers handlers;
    handlers.on_head = [on_open = std::move(on.on_open)](const netclient::ResponseHead&) {
        if (on_open) on_open();
    };
    handlers.on_sent = std::move(on.on_sent);
    handlers.on_end = std::move(on.on_end);
    return Sending{begin(std::move(attach), std::move(handlers))};
}

Running Client::get_archive(std::string_view container, std::string_view path,
                            std::function<void(std::string_view)> on_piece, Then<Done> then)
{
    auto what = named("read files of", container);
    if (!is_container_name(container))
        return refuse<Done>(std::move(what), bad_container_name, std::move(then));
    Target target = container_target(container, "/archive");
    target.query("path", path);
    Request archive = request("GET", std::move(what), target.text(), {});
    archive.own_connection = true;
    archive.timeouts.head = options_.work_deadline;
    archive.timeouts.idle = options_.transfer_idle;
    Handlers handlers;
    handlers.on_content = [on_piece = std::move(on_piece)](std::string_view piece) -> const char* {
        on_piece(piece);
        return nullptr;
    };
    handlers.on_end = [then = std::move(then)](std::optional<Error> error) {
        if (error) return then(std::move(*error));
        then(Done{});
    };
    return Running{begin(std::move(archive), std::move(handlers))};
}

Sending Client::put_archive(std::string_view container, std::string_view path, std::function<void()> on_sent,
                            Then<Done> then)
{
    auto what = named("write files of", container);
    if (!is_container_name(container)) {
        refuse<Done>(std::move(what), bad_container_name, std::move(then));
        return {};
    }
    Target target = container_target(container, "/archive");
    target.query("path", path).query("noOverwriteDirNonDir", true);
    // The reply follows the complete archive: the deadline counts from the last byte that was taken.
    Request archive = request("PUT", std::move(what), target.text(), {});
    archive.own_connection = true;
    archive.streamed_body = true;
    archive.timeouts.idle = options_.transfer_idle;
    archive.headers.emplace_back("Content-Type", "application/x-tar");
    Handlers handlers;
    handlers.on_sent = std::move(on_sent);
    handlers.on_end = [then = std::move(then)](std::optional<Error> error) {
        if (error) return then(std::move(*error));
        then(Done{});
    };
    return Sending{begin(std::move(archive), std::move(handlers))};
}

} // namespace agenthost::docker::engine

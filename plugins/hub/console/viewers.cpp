#include "viewers.hpp"

#include "base/json_writer.hpp"

namespace agenthost::hub {

std::string run_json(const Run& run, bool whole, std::string_view notice)
{
    std::string out;
    base::JsonWriter json{out};
    json.object().member("id", run.id).member("agent", run.agent);
    if (whole) {
        json.member("status", to_string(run.state)).member("pty", run.pty).member("command", run.command);
        json.member("priority", run.priority).member("created", run.created);
        if (run.position > 0) json.member("position", run.position);
        if (run.started > 0) json.member("started", run.started);
        if (run.ended > 0) json.member("ended", run.ended);
        if (!run.code.empty()) json.member("code", run.code);
    }
    if (run.exit_code) json.member("exit_code", *run.exit_code);
    if (!run.reason.empty()) json.member("reason", run.reason);
    if (!run.signal.empty()) json.member("signal", run.signal);
    if (!notice.empty()) json.member("notice", notice);
    json.end();
    return out;
}

namespace {

std::function<void()> ending(const Reply& reply, const Run& run, const std::string& notice)
{
    if (run.code.empty()) {
        std::string json = run_json(run, false, notice);
        return [ok = reply.ok, json = std::move(json)] { ok(json); };
    }
    std::string message = run.message;
    if (!run.detail.empty() && run.detail != message) message += ". " + run.detail;
    return [fail = reply.fail, code = run.code, message = std::move(message)] { fail(code, message); };
}

} // namespace

void RunViewers::add(const ReplyPtr& reply, const std::string& id, std::uint64_t from, bool interrupts,
                     std::string notice)
{
    const Run* run = runs_.find(id);
    if (run == nullptr) return;
    const auto viewer = std::make_shared<Viewer>();
    viewer->reply = reply;
    viewer->run = id;
    viewer->agent = run->agent;
    viewer->notice = std::move(notice);
    viewer->interrupts = interrupts;
    viewer->position = from;
    viewers_[reply.get()] = viewer;
    if (run->over()) viewer->end = ending(*reply, *run, viewer->notice);
    const Reply* key = reply.get();
    viewer->watch = runs_.watch(id, run->output.end(),
                                {.status = [this, key](const Run& now) UNDER_LOCK { status(key, now); },
                                 .output =
                                     [this, key](const Run& now, const RunChunk&) UNDER_LOCK {
                                         const auto it = viewers_.find(key);
                                         if (it == viewers_.end()) return;
                                         check_lag(it->second, now);
                                         wake(it->second);
                                     },
                                 .queue = {}});
    wake(viewer);
}

void RunViewers::status(const Reply* key, const Run& run)
{
    const auto it = viewers_.find(key);
    if (it == viewers_.end()) return;
    if (run.over())
        it->second->end = ending(*it->second->reply, run, it->second->notice);
    else
        core_.strand.post([reply = it->second->reply,
                           json = base::json_object("id", run.id, "status", to_string(run.state))] {
            reply->progress(json);
        });
    wake(it->second);
}

void RunViewers::writable(const Reply* key)
{
    if (const auto it = viewers_.find(key); it != viewers_.end()) wake(it->second);
}

void RunViewers::wake(const ViewerPtr& viewer)
{
    viewer->again = true;
    if (std::exchange(viewer->pumping, true)) return;
    core_.strand.post([this, viewer] { pump(viewer); });
}

bool RunViewers::fetch(const ViewerPtr& viewer)
{
    viewer->again = false;
    std::size_t size = 0;
    if (const Run* run = runs_.find(viewer->run)) {
        run->output.read(viewer->position, [&](const RunChunk& chunk) {
            std::uint64_t& next = viewer->next.at(chunk.channel - 1);
            next += chunk.dropped;
            viewer->unsent.push_back({chunk.channel, next, std::string{chunk.bytes}});
            next += chunk.bytes.size();
            viewer->position = chunk.at + chunk.bytes.size();
            return (size += chunk.bytes.size()) < batch;
        });
        check_lag(viewer, *run);
    }
    if (!viewer->unsent.empty()) return true;
    viewer->pumping = false;
    if (viewer->end) {
        remove(viewer);
        core_.strand.post([viewer] { viewer->end(); });
    }
    return false;
}

void RunViewers::pump(const ViewerPtr& viewer)
{
    for (std::size_t sent = 0; sent < turn;) {
        if (viewer->unsent.empty()) {
            bool more = false;
            core_.strand.run([&]() UNDER_LOCK { more = fetch(viewer); });
            if (!more) return;
        }
        const Piece& piece = viewer->unsent.front();
        if (viewer->reply->stream(piece.channel, piece.offset, piece.bytes) != AGH_E_BUSY) {
            sent += piece.bytes.size(); // even if the caller is gone: left() follows
            viewer->unsent.pop_front();
            continue;
        }
        bool stop = false;
        core_.strand.run([&] {
            stop = !std::exchange(viewer->again, false); // it may have become writable meanwhile
            if (stop) viewer->pumping = false;
        });
        if (stop) return;
    }
    core_.strand.run([&]() UNDER_LOCK {
        core_.strand.post([this, viewer] { pump(viewer); });
    }); // let others have their turn
}

void RunViewers::check_lag(const ViewerPtr& viewer, const Run& run)
{
    const std::uint64_t lag = run.output.end() - viewer->position;
    if (viewer->holds) {
        if (lag < release_below || run.over()) release(*viewer);
        return;
    }
    if (lag < hold_above || run.over() || core_.now() < viewer->may_hold) return;
    viewer->holds = true;
    if (holds_[viewer->agent]++ == 0) fanout_.pause(viewer->agent, true);
    viewer->hold = core_.after(core_.config.reader_grace, [this, key = viewer->reply.get()]() UNDER_LOCK {
        const auto it = viewers_.find(key);
        if (it == viewers_.end()) return;
        it->second->may_hold = core_.now() + rest;
        release(*it->second);
    });
}

void RunViewers::release(Viewer& viewer)
{
    if (!std::exchange(viewer.holds, false)) return;
    core_.timers.cancel(viewer.hold);
    const auto it = holds_.find(viewer.agent);
    if (it == holds_.end() || --it->second > 0) return;
    holds_.erase(it);
    fanout_.pause(viewer.agent, false);
}

void RunViewers::remove(const ViewerPtr& viewer)
{
    release(*viewer);
    runs_.unwatch(viewer->run, viewer->watch);
    viewers_.erase(viewer->reply.get());
}

std::optional<std::string> RunViewers::left(const Reply* key, std::string_view code, std::string_view why)
{
    const auto it = viewers_.find(key);
    if (it == viewers_.end()) return std::nullopt;
    const ViewerPtr viewer = it->second;
    remove(viewer);
    core_.strand.post(
        [viewer, code = std::string{code}, why = std::string{why}] { viewer->reply->fail(code, why); });
    const Run* run = runs_.find(viewer->run);
    if (!viewer->interrupts || run == nullptr || run->over()) return std::nullopt;
    return viewer->run;
}

std::vector<const Reply*> RunViewers::all() const
{
    std::vector<const Reply*> keys;
    for (const auto& [key, viewer] : viewers_) keys.push_back(key);
    return keys;
}

} // namespace agenthost::hub

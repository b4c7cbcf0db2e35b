#include "files.hpp"

#include "plugins/hub/core/not_saved.hpp"
#include "plugins/hub/tasks/calls.hpp"

#include "base/hash.hpp"

#include <agenthost/json.hpp>

#include <algorithm>

namespace agenthost::hub {

namespace {

// A chunked body does not say how long it will be: this much is reserved for it, and more it may not be.
constexpr std::uint64_t most_chunked = 1ULL << 30;
constexpr int most_receiving = 2; // of one URL: a retry while the broken attempt still hangs
constexpr auto rate_window = std::chrono::seconds{60};
constexpr std::uint64_t unreported = 512U
                                     << 10; // of a body, that the daemon may hold before it reports progress
constexpr const char* no_room =
    "The hub's transfer folder is full: of its plugins.hub.config.spool_bytes nothing is left for this "
    "agent and this token; try again later";

std::string key_of(std::string_view token) { return base::hex(base::sha256(token)); }

// How long a PUT waits before its task is the answer: ?timeout=, else RFC 7240's "respond-async" and "wait", else as other calls. false:
// not a time.
bool put_wait(const Head& head, double& seconds)
{
    seconds = Calls::default_wait_s;
    bool asynchronous = false, told = false;
    std::string_view prefer = head.header("prefer");
    while (!prefer.empty()) {
        const std::size_t end = std::min(prefer.find_first_of(",;"), prefer.size());
        std::string_view one = prefer.substr(0, end);
        prefer.remove_prefix(std::min(end + 1, prefer.size()));
        while (one.starts_with(' ')) one.remove_prefix(1);
        while (one.ends_with(' ')) one.remove_suffix(1);
        if (one == "respond-async") asynchronous = true;
        double given = 0;
        if (one.starts_with("wait=") && parse_wait(one.substr(5), given)) seconds = given, told = true;
    }
    if (asynchronous && !told) seconds = 0;
    const auto text = query_value(head.query, "timeout");
    return !text || parse_wait(*text, seconds);
}

Answer no_such_url()
{
    return error_answer(404, "NOT_FOUND", "This one-time URL is unknown, used up or expired");
}

} // namespace

Answer final_answer(const TaskRecord& task)
{
    if (task.state == TaskState::success) return json_answer(200, task.data.empty() ? "{}" : task.data);
    return error_answer(status_of(task.code), task.code, task.message, task.detail);
}

Files::Ticket Files::open_transfer(Transfer transfer)
{
    const std::string token = base::random_token();
    const std::string base = core_.config.public_url.empty() ? core_.host.address() : core_.config.public_url;
    Ticket ticket{key_of(token),
                  base + (transfer.way == Way::to_agent ? "/api/temp/download/" : "/api/temp/upload/") +
                      token};
    transfers_.emplace(ticket.key, std::move(transfer));
    return ticket;
}

TransferPlaces::Place Files::take_place(Conn conn, const std::string& agent)
{
    std::string why;
    auto place = places_.take(agent, core_.exchanges[conn].caller, why);
    if (place) return place;
    Answer answer = error_answer(503, "BUSY", why);
    answer.headers.emplace_back("retry-after", "1");
    core_.answer(conn, std::move(answer));
    return nullptr;
}

TaskRecord Files::task(Conn conn, std::string agent, std::string action, std::string params) const
{
    const auto it = core_.exchanges.find(conn);
    return {.id = Commands::new_id(),
            .agent = std::move(agent),
            .action = std::move(action),
            .params = std::move(params),
            .caller = it == core_.exchanges.end() ? std::string{} : it->second.caller,
            .bound = true,
            .expires = core_.utc() + core_.config.transfer_ttl.count()};
}

bool Files::start(Conn conn, TaskRecord task, const std::string& key,
                  std::function<void(const TaskRecord&)> ended)
{
    std::string why;
    const bool taken = commands_.start(
        std::move(task),
        [this, key, ended = std::move(ended)](const TaskRecord& done) {
            ended(done);
            transfers_.erase(key);
        },
        &why);
    if (taken) return true;
    transfers_.erase(key);
    core_.answer(conn, error_answer(503, "BUSY", why));
    return false;
}

void Files::drain_as_interrupted(Conn conn)
{
    const auto it = core_.exchanges.find(conn);
    if (it == core_.exchanges.end()) return;
    it->second.on_drain = [this, conn] {
        core_.answer(conn,
                     error_answer(503, "INTERRUPTED", "The hub is going down; try again when it is back"));
    };
}

// A body that comes slower than min_rate holds its place for those that could use it.
void Files::watch_rate(Conn conn, const std::shared_ptr<Rate>& rate)
{
    if (core_.config.min_rate == 0) return;
    rate->timer = core_.timers.at(core_.now() + rate_window, [this, conn, rate] {
        // What the daemon may hold counts as arrived, but only in the first window: later windows hold the same bytes.
        if (rate->floor.too_slow(rate->landed + unreported, core_.now())) {
            core_.log_stranger("dropped a transfer whose body came slower than plugins.hub.config.min_rate");
            core_.outbox.push_back(
                [this, conn] { core_.host.close(conn, 1008, "the body came too slowly"); });
            return;
        }
        watch_rate(conn, rate);
    });
}

void Files::receive(Conn conn, const Head& head, Body body)
{
    const std::uint64_t room =
        head.chunked ? std::min(core_.config.max_file, most_chunked) : head.length.value_or(0);
    const auto refuse = [this, conn, over = body.over](int status, std::string_view code,
                                                       const std::string& text) {
        core_.answer(conn, error_answer(status, code, text));
        over();
    };
    if (room > core_.config.max_file) {
        return refuse(413, "TOO_LARGE",
                      "The body is larger than the hub's limit of " + std::to_string(core_.config.max_file) +
                          " bytes (plugins.hub.config.max_file)");
    }
    const std::string declared{head.header("x-content-sha256")};
    const auto wanted = parse_sha256(declared);
    if (!declared.empty() && !wanted)
        return refuse(400, "INVALID_REQUEST", "X-Content-SHA256 is not 64 hex digits");

    const auto rate = std::make_shared<Rate>(
        Rate{.floor = base::RateFloor{{core_.config.min_rate, rate_window}, core_.now()}});
    auto& exchange = core_.exchanges[conn];
    exchange.on_closed = [this, rate, over = body.over] {
        core_.timers.cancel(rate->timer);
        over();
    };
    exchange.on_body = [this, conn, wanted, refuse, rate,
                        received = std::move(body.received)](const BodyEnd& end) {
        core_.timers.cancel(rate->timer);
        Core::Exchange& mine = core_.exchanges[conn];
        const std::shared_ptr<SpoolFile> file = std::move(mine.file);
        if (end.status == AGH_E_INVALID || end.status == AGH_E_CLOSED || !file)
            return; // the host has answered; on_closed follows
        if (!file->grow(end.status == AGH_OK ? end.length : rate->landed))
            return refuse(507, "DISK_FULL", no_room);
        if (end.status != AGH_OK)
            return not_written(conn, file, rate->landed, [refuse](const base::DiskTrouble& why) {
                refuse(disk_status(why), why.code, why.text);
            });
        core_.host.record(Metric::bytes_in, double(end.length));
        if (wanted && *wanted != end.sha256) {
            return refuse(422, "INVALID_REQUEST",
                          "The body's SHA-256 is " + end.sha256 + ", X-Content-SHA256 says " + *wanted +
                              "; send the file again");
        }
        file->complete(end.length, end.sha256);
        mine.on_closed = {};
        received(file);
    };
    const bool posted = core_.blocking([this, conn, room, refuse, rate, body = std::move(body)] {
        base::DiskTrouble problem;
        auto file = spool_->open(room, body.agent, body.caller, problem);
        core_.enter([&] {
            core_.host.record(Metric::spool, double(spool_->reserved()));
            const auto it = core_.exchanges.find(conn);
            if (it == core_.exchanges.end()) return; // the peer left meanwhile
            if (!file) return refuse(disk_status(problem), problem.code, problem.text);
            it->second.file = file;
            it->second.on_progress = [rate, file, progress = body.progress](std::uint64_t landed) {
                rate->landed = landed;
                if (!file->grow(landed)) return false;
                if (progress) progress(file, landed);
                return true;
            };
            watch_rate(conn, rate);
            core_.outbox.push_back([this, conn, file, room] { core_.host.receive(conn, file.get(), room); });
        });
    });
    if (!posted) refuse(503, "BUSY", "The hub has too many transfers to begin; try again later");
}

// The daemon says that the disk refused, but not how: the disk is asked again, on the worker.
void Files::not_written(Conn conn, const std::shared_ptr<SpoolFile>& file, std::uint64_t landed,
                        std::function<void(const base::DiskTrouble&)> refuse)
{
    const auto ask = [this, conn, file, landed, refuse] {
        const base::DiskTrouble why = spool_->why_not_written(*file, landed);
        core_.enter([&] {
            if (core_.exchanges.contains(conn)) refuse(why);
        });
    };
    if (!core_.blocking(ask))
        refuse({"DISK_ERROR", "The hub could not write the body to its transfer folder; try again later"});
}

void Files::put(Conn conn, const Head& head, std::string agent, std::string file)
{
    const auto refuse = [this, conn](int status, std::string_view code, std::string_view text) {
        core_.answer(conn, error_answer(status, code, text));
    };
    if (!head.length && !head.chunked)
        return refuse(411, "INVALID_REQUEST", "PUT needs a Content-Length, or chunked encoding");
    double wait_s = 0;
    if (!put_wait(head, wait_s))
        return refuse(400, "INVALID_REQUEST", "\"timeout\" is not a number of seconds from 0 to 3600");
    auto put = std::make_shared<FilePut>();
    put->agent = std::move(agent);
    put->file = std::move(file);
    put->key = head.header("idempotency-key");
    if (put->key.size() > 255)
        return refuse(400, "INVALID_REQUEST", "Idempotency-Key is longer than 255 bytes");
    if (const auto name = query_value(head.query, "name")) put->info += ",\"name\":" + json_string(*name);
    if (const auto owner = query_value(head.query, "owner"))
        put->info += ",\"owner_id\":" + json_string(*owner);
    put->sha256 = parse_sha256(head.header("x-content-sha256")).value_or("");
    const FilePuts::Ptr before = puts_.find(put->agent, put->file);
    // Who asks first whether to send the body is told that it need not.
    if (before && head.header("expect") == "100-continue" && !put->sha256.empty() &&
        before->same_content(*put))
        return wait(conn, before, wait_s);
    const auto place = take_place(conn, put->agent);
    if (!place) return;
    const std::string caller = core_.exchanges[conn].caller;
    receive(conn, head,
            {.agent = put->agent,
             .caller = caller,
             .received = [this, conn, put, place, wait_s](const std::shared_ptr<SpoolFile>& content) {
                 send(conn, put, content, place, wait_s);
             }});
}

// The body is here: to the agent, unless that is on its way already.
void Files::send(Conn conn, FilePuts::Ptr put, const std::shared_ptr<SpoolFile>& content,
                 TransferPlaces::Place place, double wait_s)
{
    put->sha256 = content->sha256();
    if (const FilePuts::Ptr before = puts_.find(put->agent, put->file)) {
        if (before->same_content(*put)) return wait(conn, before, wait_s);
        if (!put->key.empty() && put->key == before->key)
            return core_.answer(
                conn, error_answer(409, "ID_REUSED",
                                   "This Idempotency-Key was used for another content of this file"));
    }
    const Ticket ticket =
        open_transfer({.way = Way::to_agent, .content = content, .place = std::move(place)});
    TaskRecord record = task(conn, put->agent, "storage.upload",
                             "{\"file_info\":{\"id\":" + json_string(put->file) + put->info +
                                 ",\"size\":" + std::to_string(content->size()) + ",\"sha256\":\"" +
                                 content->sha256() + "\"},\"download_url\":" + json_string(ticket.url) + "}");
    put->task = record.id;
    puts_.add(put);
    const bool started = start(conn, std::move(record), ticket.key, [this, put](const TaskRecord& done) {
        puts_.ended(put, final_answer(done), done.state == TaskState::success);
    });
    if (started) return wait(conn, put, wait_s);
    puts_.ended(put, {}, false);
}

// Until it is done; after `wait_s` the task is the answer.
void Files::wait(Conn conn, const FilePuts::Ptr& put, double wait_s)
{
    if (put->done) return core_.answer(conn, put->outcome);
    put->waiting.insert(conn);
    drain_as_interrupted(conn);
    const auto timer =
        core_.timers.at(core_.now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                          std::chrono::duration<double>{wait_s}),
                        [this, conn, put] {
                            const TaskRecord* open = commands_.find(put->task);
                            if (open == nullptr || put->waiting.erase(conn) == 0) return;
                            commands_.outlive(put->task);
                            Answer answer = json_answer(202, task_json(*open));
                            answer.headers.emplace_back("location", "/api/tasks/" + put->task);
                            if (const auto it = core_.exchanges.find(conn); it != core_.exchanges.end())
                                it->second.on_drain = {};
                            core_.answer(conn, std::move(answer));
                        });
    core_.exchanges[conn].on_closed = [this, conn, put, timer] {
        core_.timers.cancel(timer);
        put->waiting.erase(conn);
    };
}

void Files::get(Conn conn, const Head& head, std::string agent, std::string file)
{
    auto place = take_place(conn, agent);
    if (!place) return;
    const Ticket ticket = open_transfer({.way = Way::from_agent,
                                         .content = nullptr,
                                         .agent = agent,
                                         .caller = core_.exchanges[conn].caller,
                                         .reader = conn,
                                         .place = std::move(place)});
    std::string params = "{\"file_id\":" + json_string(file) + ",\"upload_url\":" + json_string(ticket.url) +
                         ",\"method\":\"PUT\"}";
    readers_.add(conn, head);
    const auto due =
        core_.timers.at(core_.now() + core_.config.stream_after, [this, conn] { readers_.due(conn); });
    core_.exchanges[conn].on_closed = [this, conn, due] {
        core_.timers.cancel(due);
        readers_.remove(conn);
    };
    drain_as_interrupted(conn);
    const auto answered = [this, conn, due, head, key = ticket.key](const TaskRecord& done) {
        core_.timers.cancel(due);
        if (const auto it = core_.exchanges.find(conn); it != core_.exchanges.end()) it->second.on_drain = {};
        if (!readers_.has(conn)) return;                      // it has had all of it, or is gone
        if (readers_.begun(conn)) return readers_.fail(conn); // nothing, when all of it has come
        readers_.remove(conn);
        if (done.state != TaskState::success) return core_.answer(conn, final_answer(done));
        const auto it = transfers_.find(key);
        if (it == transfers_.end() || !it->second.content)
            return core_.answer(conn,
                                error_answer(502, "NETWORK_ERROR",
                                             "The agent reported success, but its bytes did not arrive"));
        Answer answer = file_answer(head, it->second.content);
        core_.host.record(Metric::bytes_out, double(answer.file ? answer.length : 0));
        if (const auto mine = core_.exchanges.find(conn); mine != core_.exchanges.end())
            mine->second.sending = it->second.content;
        core_.answer(conn, std::move(answer));
    };
    if (start(conn, task(conn, std::move(agent), "storage.download", std::move(params)), ticket.key,
              answered))
        return;
    core_.timers.cancel(due);
    readers_.remove(conn);
}

void Files::remove(Conn conn, std::string agent, std::string file)
{
    puts_.forget(agent, file);
    drain_as_interrupted(conn);
    TaskRecord record =
        task(conn, std::move(agent), "storage.delete", "{\"file_id\":" + json_string(file) + "}");
    start(conn, std::move(record), {}, [this, conn](const TaskRecord& done) {
        if (const auto it = core_.exchanges.find(conn); it != core_.exchanges.end()) it->second.on_drain = {};
        core_.answer(conn, final_answer(done)); // stale when the caller has left
    });
}

void Files::began(const TaskRecord& task)
{
    if (task.bound) return; // our own calls, which name their file
    const auto reads = {"storage.download", "storage.info", "storage.list", "download", "info"};
    const bool files =
        task.action.starts_with("storage.") || task.action == "upload" || task.action == "delete";
    if (!files || std::find(reads.begin(), reads.end(), task.action) != reads.end()) return;
    puts_.forget_all(task.agent);
}

void Files::temp_download(Conn conn, const Head& head, std::string_view token)
{
    const auto it = transfers_.find(key_of(token));
    if (it == transfers_.end() || it->second.way != Way::to_agent) return core_.answer(conn, no_such_url());
    Answer answer = file_answer(head, it->second.content);
    core_.host.record(Metric::bytes_out, double(answer.file ? answer.length : 0));
    core_.exchanges[conn].sending = it->second.content;
    core_.answer(conn, std::move(answer));
}

void Files::temp_upload(Conn conn, const Head& head, std::string_view token)
{
    const std::string key = key_of(token);
    const auto it = transfers_.find(key);
    if (it == transfers_.end() || it->second.way != Way::from_agent) return core_.answer(conn, no_such_url());
    if (it->second.receiving >= most_receiving)
        return core_.answer(conn, error_answer(503, "BUSY", "This URL is in use; try again later"));
    ++it->second.receiving;
    const auto over = [this, key, once = std::make_shared<bool>(false)] {
        const auto mine = transfers_.find(key);
        if (!std::exchange(*once, true) && mine != transfers_.end()) --mine->second.receiving;
    };
    const Conn reader = it->second.reader;
    const std::string sha256 = parse_sha256(head.header("x-content-sha256")).value_or("");
    Body body{.agent = it->second.agent, .caller = it->second.caller, .received = {}, .over = over};
    if (head.length) { // without one, nobody knows which byte is the last
        body.progress = [this, reader, sha256, length = *head.length](const std::shared_ptr<SpoolFile>& file,
                                                                      std::uint64_t landed) {
            readers_.arriving(reader, {file, length, landed, sha256});
        };
    }
    body.received = [this, conn, key, over, reader](const std::shared_ptr<SpoolFile>& content) {
        over();
        const auto mine = transfers_.find(key);
        if (mine == transfers_.end())
            return core_.answer(conn, no_such_url()); // answered or expired while the bytes came
        mine->second.content = content;
        if (const auto its = core_.exchanges.find(reader);
            readers_.begun(reader) && its != core_.exchanges.end())
            its->second.sending = content;
        readers_.complete(reader, content);
        core_.answer(conn, json_answer(200, "{\"size\":" + std::to_string(content->size()) +
                                                ",\"sha256\":\"" + content->sha256() + "\"}"));
    };
    receive(conn, head, std::move(body));
}

} // namespace agenthost::hub

#include "files.hpp"

#include "base/json_writer.hpp"
#include "file_info.hpp"
#include "plugins/hub/tasks/calls.hpp"

#include "base/hash.hpp"
#include "base/trim.hpp"

#include <algorithm>

namespace agenthost::hub {

namespace {

constexpr int max_receiving = 2; // of one URL: a retry while the broken attempt still hangs

std::string key_of(std::string_view token) { return base::hex(base::sha256(token)); }

// How long a PUT waits before it is answered with its task: ?timeout=, else RFC 7240's "respond-async" and
// "wait", else the default. false: not a time.
bool put_wait(const Head& head, double& seconds)
{
    seconds = Calls::default_wait_s;
    bool asynchronous = false, told = false;
    std::string_view prefer = head.header("prefer");
    while (!prefer.empty()) {
        const std::size_t end = std::min(prefer.find_first_of(",;"), prefer.size());
        const std::string_view one = base::trim(prefer.substr(0, end));
        prefer.remove_prefix(std::min(end + 1, prefer.size()));
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

std::function<void(const HttpRequest&)> Files::online(FileHandler handler)
{
    return [this, handler = std::move(handler)](const HttpRequest& request) UNDER_LOCK {
        const std::string &agent = request.arguments[0], &file = request.arguments[1];
        calls_.with_online(request.exchange, agent, [&] { handler(request, agent, file); });
    };
}

std::vector<Route> Files::routes()
{
    constexpr std::string_view path = "/api/agents/:agent/files/:file";
    // The URL is the credential.
    const auto temporary = [this](void (Files::*handler)(const Exchange&, const Head&, std::string_view)) {
        return [this, handler](const HttpRequest& r) UNDER_LOCK {
            if (core_.draining) return r.exchange.refuse(503, "BUSY", "The hub is shutting down");
            (this->*handler)(r.exchange, r.head, r.arguments[0]);
        };
    };
    return {
        {"PUT", path, Needs::dashboard,
         online([this](const HttpRequest& r, const std::string& agent, const std::string& file)
                    UNDER_LOCK { put(r.exchange, r.head, agent, file); })},
        {"GET", path, Needs::dashboard,
         online([this](const HttpRequest& r, const std::string& agent, const std::string& file) UNDER_LOCK {
             if (r.head.method == "HEAD") return describe(r.exchange, agent, file);
             get(r.exchange, r.head, agent, file);
         })},
        {"DELETE", path, Needs::dashboard,
         online([this](const HttpRequest& r, const std::string& agent, const std::string& file)
                    UNDER_LOCK { remove(r.exchange, agent, file); })},
        {"PUT", "/api/temp/upload/:token", Needs::own_credential, temporary(&Files::temp_upload)},
        {"POST", "/api/temp/upload/:token", Needs::own_credential, temporary(&Files::temp_upload)},
        {"GET", "/api/temp/download/:token", Needs::own_credential, temporary(&Files::temp_download)},
    };
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

TransferSlots::Slot Files::take_slot(const Exchange& exchange, const std::string& agent)
{
    std::string why;
    auto slot = slots_.take(agent, exchange.caller(), why);
    if (slot) return slot;
    Answer answer = error_answer(503, "BUSY", why);
    answer.headers.emplace_back("retry-after", "1");
    exchange.answer(std::move(answer));
    return nullptr;
}

TaskRecord Files::task(const Exchange& exchange, std::string agent, std::string action,
                       std::string params) const
{
    return {.id = Commands::new_id(),
            .agent = std::move(agent),
            .action = std::move(action),
            .params = std::move(params),
            .caller = exchange.caller(),
            .bound = true,
            .expires = core_.utc() + core_.config.transfer_ttl.count()};
}

bool Files::start(const Exchange& exchange, TaskRecord task, const std::string& key,
                  std::function<void(const TaskRecord&)> ended)
{
    std::string why;
    const bool taken = commands_.start(
        std::move(task),
        [this, key, ended = std::move(ended)](const TaskRecord& done) UNDER_LOCK {
            ended(done);
            transfers_.erase(key);
        },
        &why);
    if (taken) return true;
    transfers_.erase(key);
    exchange.refuse(503, "BUSY", why);
    return false;
}

void Files::drain_as_interrupted(const Exchange& exchange)
{
    exchange.on_drain([exchange]() UNDER_LOCK {
        exchange.refuse(503, "INTERRUPTED", "The hub is shutting down; try again when it is back");
    });
}

void Files::put(const Exchange& exchange, const Head& head, std::string agent, std::string file)
{
    if (!head.length && !head.chunked)
        return exchange.refuse(411, "INVALID_REQUEST", "PUT needs a Content-Length, or chunked encoding");
    double wait_s = 0;
    if (!put_wait(head, wait_s))
        return exchange.refuse(400, "INVALID_REQUEST",
                               "\"timeout\" is not a number of seconds from 0 to 3600");
    auto put = std::make_shared<FilePut>();
    put->agent = std::move(agent);
    put->file = std::move(file);
    put->key = head.header("idempotency-key");
    if (put->key.size() > 255)
        return exchange.refuse(400, "INVALID_REQUEST", "Idempotency-Key is longer than 255 bytes");
    put->name = query_value(head.query, "name");
    put->owner = query_value(head.query, "owner");
    put->sha256 = parse_sha256(head.header("x-content-sha256")).value_or("");
    const FilePuts::Ptr before = puts_.find(put->agent, put->file);
    // A client that expects 100-continue is told that it need not send the body.
    if (before && head.header("expect") == "100-continue" && !put->sha256.empty() &&
        before->same_content(*put))
        return wait(exchange, before, wait_s);
    const auto slot = take_slot(exchange, put->agent);
    if (!slot) return;
    const std::string caller = exchange.caller();
    bodies_.receive(
        exchange, head,
        {.agent = put->agent,
         .caller = caller,
         .received = [this, exchange, put, slot, wait_s](const std::shared_ptr<SpoolFile>& content)
                         UNDER_LOCK { send(exchange, put, content, slot, wait_s); }});
}

// The body is complete: starts the task for the agent, unless it is already running.
void Files::send(const Exchange& exchange, FilePuts::Ptr put, const std::shared_ptr<SpoolFile>& content,
                 TransferSlots::Slot slot, double wait_s)
{
    put->sha256 = content->sha256();
    if (const FilePuts::Ptr before = puts_.find(put->agent, put->file)) {
        if (before->same_content(*put)) return wait(exchange, before, wait_s);
        if (!put->key.empty() && put->key == before->key)
            return exchange.answer(error_answer(
                409, "ID_REUSED", "This Idempotency-Key was already used with different content"));
    }
    const Ticket ticket = open_transfer({.way = Way::to_agent, .content = content, .slot = std::move(slot)});
    std::string params;
    base::JsonWriter json{params};
    json.object().object("file_info").member("id", put->file);
    if (put->name) json.member("name", *put->name);
    if (put->owner) json.member("owner_id", *put->owner);
    json.member("size", content->size()).member("sha256", content->sha256()).end();
    json.member("download_url", ticket.url).end();
    TaskRecord record = task(exchange, put->agent, "storage.upload", params);
    put->task = record.id;
    puts_.add(put);
    const bool started =
        start(exchange, std::move(record), ticket.key, [this, put](const TaskRecord& done) UNDER_LOCK {
            puts_.ended(put, final_answer(done), done.state == TaskState::success);
        });
    if (started) return wait(exchange, put, wait_s);
    puts_.ended(put, {}, false);
}

// Waits until it is done; after `wait_s` answers with the task.
void Files::wait(const Exchange& exchange, const FilePuts::Ptr& put, double wait_s)
{
    if (put->done) return exchange.answer(put->outcome);
    put->waiting.insert(exchange);
    drain_as_interrupted(exchange);
    const auto timer = core_.after(std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                       std::chrono::duration<double>{wait_s}),
                                   [this, exchange, put]() UNDER_LOCK {
                                       const TaskRecord* open = commands_.find(put->task);
                                       if (open == nullptr || put->waiting.erase(exchange) == 0) return;
                                       commands_.outlive(put->task);
                                       Answer answer = json_answer(202, task_json(*open));
                                       answer.headers.emplace_back("location", "/api/tasks/" + put->task);
                                       exchange.answer(std::move(answer));
                                   });
    exchange.on_closed([this, exchange, put, timer]() UNDER_LOCK {
        core_.timers.cancel(timer);
        put->waiting.erase(exchange);
    });
}

void Files::get(const Exchange& exchange, const Head& head, std::string agent, std::string file)
{
    auto slot = take_slot(exchange, agent);
    if (!slot) return;
    const Ticket ticket = open_transfer({.way = Way::from_agent,
                                         .content = nullptr,
                                         .agent = agent,
                                         .caller = exchange.caller(),
                                         .reader = exchange,
                                         .slot = std::move(slot)});
    std::string params = base::json_object("file_id", file, "upload_url", ticket.url, "method", "PUT");
    readers_.add(exchange, head);
    const auto due =
        core_.after(core_.config.stream_after, [this, exchange]() UNDER_LOCK { readers_.due(exchange); });
    exchange.on_closed([this, exchange, due]() UNDER_LOCK {
        core_.timers.cancel(due);
        readers_.remove(exchange);
    });
    drain_as_interrupted(exchange);
    const auto answered = [this, exchange, due, head, key = ticket.key](const TaskRecord& done) UNDER_LOCK {
        core_.timers.cancel(due);
        if (!readers_.has(exchange)) return; // it has received everything, or is gone
        if (readers_.begun(exchange)) return readers_.fail(exchange); // no effect if the file is complete
        readers_.remove(exchange);
        if (done.state != TaskState::success) return exchange.answer(final_answer(done));
        const auto it = transfers_.find(key);
        if (it == transfers_.end() || !it->second.content)
            return exchange.answer(error_answer(502, "NETWORK_ERROR",
                                                "The agent reported success, but the file did not arrive"));
        Answer answer = file_answer(head, it->second.content);
        core_.host.record(Metric::bytes_out, double(answer.file ? answer.length : 0));
        exchange.keep(it->second.content);
        exchange.answer(std::move(answer));
    };
    if (start(exchange, task(exchange, std::move(agent), "storage.download", std::move(params)), ticket.key,
              answered))
        return;
    core_.timers.cancel(due);
    readers_.remove(exchange);
}

// HEAD: the agent is asked about the file and sends none of it.
void Files::describe(const Exchange& exchange, const std::string& agent, const std::string& file)
{
    drain_as_interrupted(exchange);
    TaskRecord record = task(exchange, agent, "storage.info", base::json_object("file_id", file));
    start(exchange, std::move(record), {}, [exchange, agent, file](const TaskRecord& done) UNDER_LOCK {
        const bool told = done.state == TaskState::success;
        exchange.answer(told ? file_info_answer(done.data, agent, file) : final_answer(done));
    });
}

void Files::remove(const Exchange& exchange, std::string agent, std::string file)
{
    puts_.forget(agent, file);
    drain_as_interrupted(exchange);
    TaskRecord record =
        task(exchange, std::move(agent), "storage.delete", base::json_object("file_id", file));
    start(exchange, std::move(record), {}, [exchange](const TaskRecord& done) UNDER_LOCK {
        exchange.answer(final_answer(done)); // has no effect if the caller has left
    });
}

void Files::began(const TaskRecord& task)
{
    if (task.bound) return; // the hub's own calls, which name their file
    const auto reads = {"storage.download", "storage.info", "storage.list", "download", "info"};
    const bool files =
        task.action.starts_with("storage.") || task.action == "upload" || task.action == "delete";
    if (!files || std::find(reads.begin(), reads.end(), task.action) != reads.end()) return;
    puts_.forget_all(task.agent);
}

void Files::temp_download(const Exchange& exchange, const Head& head, std::string_view token)
{
    const auto it = transfers_.find(key_of(token));
    if (it == transfers_.end() || it->second.way != Way::to_agent) return exchange.answer(no_such_url());
    Answer answer = file_answer(head, it->second.content);
    core_.host.record(Metric::bytes_out, double(answer.file ? answer.length : 0));
    exchange.keep(it->second.content);
    exchange.answer(std::move(answer));
}

void Files::temp_upload(const Exchange& exchange, const Head& head, std::string_view token)
{
    const std::string key = key_of(token);
    const auto it = transfers_.find(key);
    if (it == transfers_.end() || it->second.way != Way::from_agent) return exchange.answer(no_such_url());
    if (it->second.receiving >= max_receiving)
        return exchange.answer(error_answer(503, "BUSY", "This URL is in use; try again later"));
    ++it->second.receiving;
    const auto over = [this, key, once = std::make_shared<bool>(false)]() UNDER_LOCK {
        const auto mine = transfers_.find(key);
        if (!std::exchange(*once, true) && mine != transfers_.end()) --mine->second.receiving;
    };
    const Exchange reader = it->second.reader;
    const std::string sha256 = parse_sha256(head.header("x-content-sha256")).value_or("");
    FileBodies::Body body{
        .agent = it->second.agent, .caller = it->second.caller, .received = {}, .over = over};
    if (head.length) { // without one, nobody knows which byte is the last
        body.progress = [this, reader, sha256, length = *head.length](const std::shared_ptr<SpoolFile>& file,
                                                                      std::uint64_t landed) UNDER_LOCK {
            readers_.arriving(reader, {file, length, landed, sha256});
        };
        body.wrong = [this, reader]() UNDER_LOCK { readers_.refused(reader); };
    }
    body.received = [this, exchange, key, over,
                     reader](const std::shared_ptr<SpoolFile>& content) UNDER_LOCK {
        over();
        const auto mine = transfers_.find(key);
        if (mine == transfers_.end())
            return exchange.answer(no_such_url()); // answered or expired while the bytes arrived
        mine->second.content = content;
        if (readers_.begun(reader)) reader.keep(content);
        readers_.complete(reader, content);
        exchange.answer(
            json_answer(200, base::json_object("size", content->size(), "sha256", content->sha256())));
    };
    bodies_.receive(exchange, head, std::move(body));
}

} // namespace agenthost::hub

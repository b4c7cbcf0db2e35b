#include "files.hpp"

#include "kit/hash.hpp"

#include <agenthost/json.hpp>

#include <algorithm>

namespace agenthost::hub {

namespace {

// A chunked body does not say how long it will be: this much is reserved for it, and more it may not be.
constexpr std::uint64_t most_chunked = 1ULL << 30;
constexpr std::size_t most_transfers = 4'096;
constexpr int most_receiving = 2; // of one URL: a retry while the broken attempt still hangs

std::string key_of(std::string_view token) { return kit::hex(kit::sha256(token)); }

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

Files::Ticket Files::open_transfer(Way way, std::shared_ptr<const SpoolFile> content)
{
    const std::string token = kit::random_token();
    const std::string base = core_.config.public_url.empty() ? core_.host.address() : core_.config.public_url;
    Ticket ticket{key_of(token),
                  base + (way == Way::to_agent ? "/api/temp/download/" : "/api/temp/upload/") + token};
    transfers_.emplace(ticket.key, Transfer{way, std::move(content)});
    return ticket;
}

// Starts the task and answers `conn` when it ends; the transfer `key` (may be empty) ends with it.
void Files::call(Conn conn, std::string agent, std::string action, std::string params, std::string key,
                 std::function<void(const TaskRecord&)> success)
{
    TaskRecord task{.id = Commands::new_id(),
                    .agent = std::move(agent),
                    .action = std::move(action),
                    .params = std::move(params),
                    .bound = true,
                    .expires = core_.utc() + core_.config.transfer_ttl.count()};
    const bool taken = commands_.start(
        std::move(task), [this, conn, key, success = std::move(success)](const TaskRecord& done) {
            if (done.state != TaskState::success || !success)
                core_.answer(conn, final_answer(done)); // stale when the caller has left
            else
                success(done);
            if (const auto it = core_.exchanges.find(conn); it != core_.exchanges.end())
                it->second.on_drain = {};
            transfers_.erase(key);
        });
    if (taken) {
        core_.exchanges[conn].on_drain = [this, conn] {
            core_.answer(
                conn, error_answer(503, "INTERRUPTED", "The hub is going down; try again when it is back"));
        };
        return;
    }
    transfers_.erase(key);
    core_.answer(conn, error_answer(503, "BUSY", "Too many commands are open; try again later"));
}

void Files::receive(Conn conn, const Head& head, Received received, std::function<void()> over)
{
    const std::uint64_t room =
        head.chunked ? std::min(core_.config.max_file, most_chunked) : head.length.value_or(0);
    const auto refuse = [this, conn, over](int status, std::string_view code, const std::string& text) {
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

    auto& exchange = core_.exchanges[conn];
    exchange.on_closed = over;
    exchange.on_body = [this, conn, wanted, refuse, received = std::move(received)](const BodyEnd& end) {
        Core::Exchange& mine = core_.exchanges[conn];
        const std::shared_ptr<SpoolFile> file = std::move(mine.file);
        if (end.status == AGH_E_INVALID || end.status == AGH_E_CLOSED || !file)
            return; // the host has answered; on_closed follows
        if (end.status != AGH_OK)
            return refuse(507, "DISK_FULL", "The hub could not write the body to its transfer folder");
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
    const bool posted = core_.blocking([this, conn, room, refuse] {
        std::string problem;
        auto file = spool_->open(room, problem);
        core_.enter([&] {
            core_.host.record(Metric::spool, double(spool_->reserved()));
            const auto it = core_.exchanges.find(conn);
            if (it == core_.exchanges.end()) return; // the peer left meanwhile
            if (!file) return refuse(507, "DISK_FULL", problem);
            it->second.file = file;
            core_.outbox.push_back([this, conn, file, room] { core_.host.receive(conn, file.get(), room); });
        });
    });
    if (!posted) refuse(503, "BUSY", "The hub has too many transfers to begin; try again later");
}

void Files::put(Conn conn, const Head& head, std::string agent, std::string file)
{
    if (!head.length && !head.chunked) {
        return core_.answer(
            conn, error_answer(411, "INVALID_REQUEST", "PUT needs a Content-Length, or chunked encoding"));
    }
    if (transfers_.size() >= most_transfers)
        return core_.answer(conn, error_answer(503, "BUSY", "Too many transfers are open; try again later"));
    std::string info = "{\"id\":" + json_string(file);
    if (const auto name = query_value(head.query, "name")) info += ",\"name\":" + json_string(*name);
    if (const auto owner = query_value(head.query, "owner")) info += ",\"owner_id\":" + json_string(*owner);
    receive(
        conn, head,
        [this, conn, agent = std::move(agent),
         info = std::move(info)](const std::shared_ptr<SpoolFile>& content) {
            const Ticket ticket = open_transfer(Way::to_agent, content);
            std::string params = "{\"file_info\":" + info + ",\"size\":" + std::to_string(content->size()) +
                                 ",\"sha256\":\"" + content->sha256() +
                                 "\"},\"download_url\":" + json_string(ticket.url) + "}";
            call(conn, agent, "storage.upload", std::move(params), ticket.key, {});
        },
        [] {});
}

void Files::get(Conn conn, const Head& head, std::string agent, std::string file)
{
    if (transfers_.size() >= most_transfers)
        return core_.answer(conn, error_answer(503, "BUSY", "Too many transfers are open; try again later"));
    const Ticket ticket = open_transfer(Way::from_agent, nullptr);
    std::string params = "{\"file_id\":" + json_string(file) + ",\"upload_url\":" + json_string(ticket.url) +
                         ",\"method\":\"PUT\"}";
    call(conn, std::move(agent), "storage.download", std::move(params), ticket.key,
         [this, conn, head, key = ticket.key](const TaskRecord&) {
             const auto it = transfers_.find(key);
             if (it == transfers_.end() || !it->second.content) {
                 return core_.answer(
                     conn, error_answer(502, "NETWORK_ERROR",
                                        "The agent reported success, but its bytes did not arrive"));
             }
             Answer answer = file_answer(head, it->second.content);
             core_.host.record(Metric::bytes_out, double(answer.file ? answer.length : 0));
             core_.answer(conn, std::move(answer));
         });
}

void Files::remove(Conn conn, std::string agent, std::string file)
{
    call(conn, std::move(agent), "storage.delete", "{\"file_id\":" + json_string(file) + "}", {}, {});
}

void Files::temp_download(Conn conn, const Head& head, std::string_view token)
{
    const auto it = transfers_.find(key_of(token));
    if (it == transfers_.end() || it->second.way != Way::to_agent) return core_.answer(conn, no_such_url());
    Answer answer = file_answer(head, it->second.content);
    core_.host.record(Metric::bytes_out, double(answer.file ? answer.length : 0));
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
    receive(
        conn, head,
        [this, conn, key, over](const std::shared_ptr<SpoolFile>& content) {
            over();
            const auto mine = transfers_.find(key);
            if (mine == transfers_.end())
                return core_.answer(conn, no_such_url()); // answered or expired while the bytes came
            mine->second.content = content;
            core_.answer(conn, json_answer(200, "{\"size\":" + std::to_string(content->size()) +
                                                    ",\"sha256\":\"" + content->sha256() + "\"}"));
        },
        over);
}

} // namespace agenthost::hub

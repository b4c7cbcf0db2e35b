#include "service.hpp"

#include "job.hpp"

#include "netclient/tls.hpp"

#include "base/json_writer.hpp"
#include <agenthost/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstring>
#include <exception>

namespace agenthost::storage {

namespace {

constexpr std::size_t quarantine_most =
    1000; // files; a crash leaves one at most, so this many mean something else is wrong
constexpr std::chrono::seconds publish_every{30}; // others write to the disk too
constexpr std::size_t report_most = 100;          // events of one start-up; the count is complete

} // namespace

Service::~Service()
{
    if (ticker_ != 0) context_.cancel(ticker_);
    if (pool_) pool_->stop();
}

void Service::open()
{
    const KnownStores known{std::string{context_.state_directory()}};
    store_.emplace(config_.storage_path, known.find(config_.storage_path), known.file());
    open_index();
    sign(known);
    store_->load_ballast();
    ledger_.emplace(Ledger::Limits{config_.quota, std::max(config_.reserve_free, min_reserve)},
                    index_->totals().bytes);
    netclient::HttpOptions http;
    http.policy = {config_.allow_hosts, config_.allow_private_networks};
    http.ca_file = config_.ca_file;
    http.connect_timeout = config_.connect_timeout;
    http.idle_timeout = config_.idle_timeout;
    http.least_rate = {config_.min_rate, config_.min_rate_window};
    http_.emplace(std::move(http));
    if (const std::string warning = reserve_warning(config_); !warning.empty())
        context_.log(Level::warn, "plugins.storage.config.reserve_free: " + warning);
    // Now rather than at the first transfer, which may be weeks away.
    if (auto problem = problem_of_ca(config_); !problem.empty()) throw std::runtime_error{problem};
}

void Service::open_index()
{
    try {
        index_.emplace(store_->index_file());
    } catch (const base::SqliteError&) {
        if (!store_->drop_ballast()) throw;
        index_.emplace(store_->index_file()); // the disk was full
    }
}

// A full disk is no reason not to start: the next start tries again.
void Service::sign(const KnownStores& known)
{
    const char* risk = ". Until the next start an unmounted disk would not be noticed";
    auto failed = store_->sign();
    if (failed && store_->drop_ballast()) failed = store_->sign();
    if (failed) return context_.log(Level::warn, failed->detail + risk);
    if (const int error = known.remember(config_.storage_path, store_->id()); error != 0)
        context_.log(Level::warn, "writing " + known.file() + ": " + std::strerror(error) + risk);
}

void Service::start()
{
    try {
        open();
    } catch (const std::exception& e) {
        throw Error{"STORAGE_UNUSABLE", e.what(), AGH_E_INTERNAL};
    }
    telemetry_.emplace(context_);
    pool_.emplace(config_.max_transfers, config_.queue);
    pool_->start([this] {
        try {
            reconcile();
            publish();
        } catch (const std::exception& e) {
            telemetry_->log(Level::error, std::string{"reconciling files and index: "} + e.what());
        }
    });
    ticker_ = context_.timer(publish_every, publish_every, [this] {
        store_->load_ballast();
        publish();
    });
}

void Service::reconcile()
{
    const auto temporary = store_->remove_incoming();
    if (!temporary.empty()) {
        std::uint64_t bytes = 0;
        for (const auto& file : temporary) bytes += file.size;
        telemetry_->log(Level::info, "removed transfers that a stop had broken off; none was acknowledged",
                        base::json_object("files", temporary.size(), "bytes", bytes));
    }
    const auto in_quarantine = store_->quarantined().size();
    const auto room = quarantine_most - std::min(quarantine_most, in_quarantine);
    const auto plan = storage::reconcile(index_->known(), index_->trash(), store_->scan(), room);
    for (const auto& blob : plan.unlink) store_->remove(blob);
    index_->clear_trash();
    std::size_t reported = 0;
    quarantined_ = in_quarantine;
    for (const auto& file : plan.quarantine) {
        if (!store_->quarantine(file.blob)) continue;
        ++quarantined_;
        if (++reported <= report_most) telemetry_->quarantined(file.blob, file.size);
    }
    left_ = plan.left.size();
    if (left_ > 0)
        telemetry_->log(Level::error, "quarantine is full, " + std::to_string(left_) +
                                          " more orphans stay where they are; look at " + store_->path() +
                                          "/quarantine and empty it");
    for (const auto& name : store_->strangers()) {
        if (++reported > report_most) break;
        telemetry_->log(Level::warn, "not a file of ours, left alone",
                        base::json_object("path", "files/" + name));
    }
    const auto mark_all = [this](const std::vector<std::string>& ids, FileState state) {
        for (const auto& id : ids)
            if (const auto row = index_->find(id); row && row->state != state) mark(*row, state);
    };
    mark_all(plan.missing, FileState::missing);
    mark_all(plan.damaged, FileState::damaged);
    mark_all(plan.back, FileState::whole);
    if (!plan.back.empty())
        telemetry_->log(Level::info, "files that were missing on the disk are there again",
                        base::json_object("files", plan.back.size()));
}

void Service::mark(const FileRecord& row, FileState state)
{
    index_->mark(row.id, row.blob, state);
    if (state == FileState::missing)
        telemetry_->missing(row.id);
    else if (state == FileState::damaged)
        telemetry_->damaged(row.id);
}

void Service::sweep(const std::string& blob)
{
    if (const auto failed = store_->remove(blob)) {
        telemetry_->log(Level::warn, failed->detail + "; the next start tries again");
        return;
    }
    index_->unlinked(blob);
}

void Service::publish()
{
    try {
        const auto totals = index_->totals();
        const auto load = pool_->load();
        telemetry_->publish({totals.files, totals.bytes, store_->free_bytes(), config_.quota, quarantined_,
                             totals.missing, totals.damaged, load.waiting, load.running});
    } catch (const std::exception& e) {
        telemetry_->log(Level::warn, std::string{"publishing facts: "} + e.what());
    }
}

void Service::info(Request request)
{
    const auto totals = index_->totals();
    const auto load = pool_->load();
    const auto now = std::chrono::steady_clock::now();
    nlohmann::json data{
        {"version", AGENTHOST_VERSION},
        {"uptime", std::chrono::duration_cast<std::chrono::seconds>(now - started_).count()},
        {"files", totals.files},
        {"bytes", totals.bytes},
        {"quota_bytes", nullptr},
        {"free_bytes", store_->free_bytes()},
        {"quarantined", quarantined_.load() + left_.load()},
        {"missing", totals.missing},
        {"damaged", totals.damaged},
        {"transfers", {{"running", load.running}, {"waiting", load.waiting}, {"max", config_.max_transfers}}},
        {"capabilities", {"upload", "download", "delete", "info", "list", "verify"}}};
    if (config_.quota > 0) data["quota_bytes"] = config_.quota;
    if (auto caller = parse_caller(request.caller()); !caller.agent_id.empty())
        data["agent_id"] = std::move(caller.agent_id);
    request.reply(data.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

namespace {

std::string dump(const nlohmann::json& json)
{
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string file_json(const FileRecord& row)
{
    nlohmann::json file{{"id", row.id},
                        {"name", row.name},
                        {"owner_id", row.owner},
                        {"size", row.size},
                        {"stored_at", row.stored_ms}};
    if (!row.sha256.empty()) file["sha256"] = row.sha256;
    if (row.state != FileState::whole)
        file["state"] = row.state == FileState::missing ? "missing" : "damaged";
    return dump(file);
}

// A page ends after `limit` files or before it would be longer than `max_bytes`; one file is always on it.
std::string list_json(const std::vector<FileRecord>& rows, std::size_t limit, std::size_t max_bytes)
{
    std::string out;
    base::JsonWriter json{out};
    json.object().array("files");
    std::size_t shown = 0;
    for (; shown < std::min(rows.size(), limit); ++shown) {
        const std::string file = file_json(rows[shown]);
        if (shown > 0 && out.size() + file.size() + 1 > max_bytes) break;
        json.value(base::RawJson{file});
    }
    json.end();
    if (shown < rows.size()) json.member("next_cursor", rows[shown - 1].id);
    json.end();
    return out;
}

} // namespace

void Service::list(Request request)
{
    auto parsed = parse_query(request.params());
    if (const auto* bad = std::get_if<Problem>(&parsed)) {
        request.fail(bad->code, bad->message, bad->detail);
        return;
    }
    auto& query = std::get<Index::Query>(parsed);
    const std::size_t limit = query.limit++; // one more tells whether there is more
    request.reply(list_json(index_->list(query), limit, query.max_bytes));
}

Health Service::health()
{
    if (!index_) return {AGH_E_INTERNAL, "not started"};
    const auto totals = index_->totals();
    if (totals.missing + totals.damaged > 0)
        return {AGH_E_BUSY, std::to_string(totals.missing) + " stored files are missing on the disk and " +
                                std::to_string(totals.damaged) +
                                " damaged; storage.list shows which, send them again or delete them"};
    if (left_ > 0)
        return {AGH_E_BUSY, "quarantine is full; look at " + store_->path() + "/quarantine and empty it"};
    if (const auto free = store_->free_bytes(); free < std::max(config_.reserve_free, min_reserve))
        return {AGH_E_BUSY, "only " + std::to_string(free) + " bytes are free in " + store_->path() +
                                ", below reserve_free: uploads are refused; free space"};
    return {};
}

} // namespace agenthost::storage

#include "service.hpp"

#include "base/json_writer.hpp"
#include <agenthost/error.hpp>

#include <algorithm>
#include <cstring>
#include <exception>

namespace agenthost::storage {

namespace {

// Files; a crash leaves at most one, so this many indicate another problem.
constexpr std::size_t max_quarantine = 1000;
constexpr std::chrono::seconds publish_every{30}; // because others write to the disk too
constexpr std::size_t max_report = 100;           // events per start-up; the count is complete

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
    store_->watch_index();
    sign(known);
    store_->load_ballast();
    quota_.emplace(Ledger::Limits{config_.quota, std::max(config_.reserve_free, min_reserve)},
                   index_->totals().bytes, *store_);
    netclient::HttpOptions http;
    http.policy = {config_.allow_hosts, config_.allow_private_networks};
    http.ca_file = config_.ca_file;
    http.connect_timeout = config_.connect_timeout;
    http.idle_timeout = config_.idle_timeout;
    http.min_rate = {config_.min_rate, config_.min_rate_window};
    http_.emplace(std::move(http));
    if (const std::string warning = reserve_warning(config_); !warning.empty())
        context_.log(Level::warn, "plugins.storage.config.reserve_free: " + warning);
    // Check now rather than at the first transfer, which may be weeks away.
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

// A full disk must not prevent the start: the next start tries again.
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
    status_.emplace(config_, *store_, *index_, *pool_, *telemetry_);
    parts_.emplace(
        Parts{config_, context_, *store_, *index_, *quota_, *http_, *pool_, *telemetry_, *status_});
    pool_->start([this] {
        try {
            reconcile();
            status_->publish();
        } catch (const std::exception& e) {
            telemetry_->log(Level::error, std::string{"reconciling files and index: "} + e.what());
        }
    });
    ticker_ = context_.timer(publish_every, publish_every, [this] {
        store_->load_ballast();
        status_->publish();
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
    const auto free_slots = max_quarantine - std::min(max_quarantine, in_quarantine);
    const auto plan = storage::reconcile(index_->known(), index_->trash(), store_->scan(), free_slots);
    for (const auto& blob : plan.unlink) store_->remove(blob);
    index_->clear_trash();
    std::size_t reported = 0;
    std::size_t quarantined = in_quarantine;
    for (const auto& file : plan.quarantine) {
        if (!store_->quarantine(file.blob)) continue;
        ++quarantined;
        if (++reported <= max_report) telemetry_->quarantined(file.blob, file.size);
    }
    status_->set_orphans(quarantined, plan.left.size());
    if (!plan.left.empty())
        telemetry_->log(Level::error, "quarantine is full, " + std::to_string(plan.left.size()) +
                                          " more orphans stay where they are; look at " + store_->path() +
                                          "/quarantine and empty it");
    for (const auto& name : store_->strangers()) {
        if (++reported > max_report) break;
        telemetry_->log(Level::warn, "not a file of ours, left alone",
                        base::json_object("path", "files/" + name));
    }
    mark_all(plan.missing, FileState::missing);
    mark_all(plan.damaged, FileState::damaged);
    mark_all(plan.back, FileState::whole);
    if (!plan.back.empty())
        telemetry_->log(Level::info, "files that were missing on the disk are there again",
                        base::json_object("files", plan.back.size()));
}

void Service::mark_all(const std::vector<std::string>& ids, FileState state)
{
    for (const auto& id : ids) {
        if (const auto row = index_->find(id); row && row->state != state) parts_->mark(*row, state);
    }
}

Health Service::health() const
{
    if (!parts_) return {AGH_E_INTERNAL, "not started"};
    return status_->health();
}

} // namespace agenthost::storage

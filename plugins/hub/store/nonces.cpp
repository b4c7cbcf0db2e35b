#include "nonces.hpp"

#include "base/sqlite.hpp"

#include <stdexcept>
#include <utility>

namespace agenthost::hub {

namespace {

constexpr const char* schema = R"(
CREATE TABLE IF NOT EXISTS nonces(agent TEXT NOT NULL, high INTEGER NOT NULL, low INTEGER NOT NULL, until INTEGER NOT NULL,
    PRIMARY KEY(agent, high, low)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS nonces_until ON nonces(until);
)";

} // namespace

StoreNonces::StoreNonces(Store& store, std::function<std::int64_t()> utc_ms)
    : store_{store}, utc_ms_{std::move(utc_ms)}
{
    try {
        store.setup([&](base::Database& db) {
            const std::int64_t now = utc_ms_();
            db.exec(schema);
            db.prepare("DELETE FROM nonces WHERE until<?1").bind(1, now).run();
            auto rows = db.prepare("SELECT agent, high, low, until FROM nonces");
            while (rows.step()) {
                wire::ReplayWindow* of = window(rows.text(0));
                if (of == nullptr) continue;
                of->restore({static_cast<std::uint64_t>(rows.integer(1)),
                             static_cast<std::uint64_t>(rows.integer(2)), rows.integer(3)},
                            now);
            }
        });
    } catch (const base::SqliteError& e) {
        throw std::runtime_error{std::string{"hub: cannot use its database: "} + e.what()};
    }
}

wire::ReplayWindow* StoreNonces::window(std::string_view agent)
{
    if (const auto it = windows_.find(agent); it != windows_.end()) return &it->second;
    if (windows_.size() >= max_agents) return nullptr;
    return &windows_.try_emplace(std::string{agent}, max_nonces).first->second;
}

wire::NonceBook::Verdict StoreNonces::admit(std::string_view agent, std::string_view nonce, std::int64_t ts)
{
    wire::ReplayWindow* of = window(agent);
    if (of == nullptr) return Verdict::full;
    wire::ReplayWindow::Record record;
    const Verdict verdict = of->admit(agent, nonce, ts, utc_ms_(), &record);
    return verdict == Verdict::fresh && !keep(agent, record) ? Verdict::full : verdict;
}

bool StoreNonces::keep(std::string_view agent, const wire::ReplayWindow::Record& record)
{
    {
        const std::lock_guard lock{waiting_->mutex};
        if (waiting_->rows.size() >= max_waiting) return false;
        waiting_->rows.push_back({std::string{agent}, record});
        if (waiting_->asked) return true; // the queued job will write it too
        waiting_->asked = true;
    }
    // The store runs a job again if the group commit fails, so the job keeps the nonces it took.
    struct Taken {
        bool done = false;
        std::vector<Row> rows;
    };
    auto taken = std::make_shared<Taken>();
    const bool asked = store_.in_commit(
        [waiting = waiting_, taken, now = utc_ms_()](base::Database& db) {
            if (!std::exchange(taken->done, true)) {
                const std::lock_guard lock{waiting->mutex};
                taken->rows = std::exchange(waiting->rows, {});
                waiting->asked = false;
            }
            auto save = db.prepare("INSERT OR REPLACE INTO nonces VALUES(?1,?2,?3,?4)");
            for (const Row& row : taken->rows) {
                save.bind(1, row.agent).bind(2, static_cast<std::int64_t>(row.record.high));
                save.bind(3, static_cast<std::int64_t>(row.record.low)).bind(4, row.record.until).run();
            }
            db.prepare("DELETE FROM nonces WHERE until<?1").bind(1, now).run();
        },
        {});
    if (asked) return true;
    const std::lock_guard lock{waiting_->mutex};
    waiting_->asked = false;
    waiting_->rows.pop_back();
    return false;
}

void StoreNonces::tidy()
{
    const std::int64_t now = utc_ms_();
    for (auto it = windows_.begin(); it != windows_.end();)
        it = it->second.snapshot(now).empty() ? windows_.erase(it) : std::next(it);
}

} // namespace agenthost::hub

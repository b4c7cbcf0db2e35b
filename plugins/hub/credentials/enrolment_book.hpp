// Changes agents' enrolments; the only code that does so: mint, rotate, revoke, register, refresh, delete.
//
// A change is decided on the committed row, written only if the table still has that row (compare-and-set by
// version), and put into Enrolments after the commit, in commit order. If another change was committed
// first, the decision is repeated on the new row. So memory and database always agree on which of two changes
// came last, even after a crash.
//
// Also deletes unused rows; see upkeep(). Under the hub's lock.
#pragma once

#include "credentials.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/store/enrolment_table.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace agenthost::hub {

constexpr std::int64_t forget_after_ms = std::int64_t{30} * 24 * 3600 * 1000; // an offline agent

class EnrolmentBook {
public:
    static constexpr int max_tries = 16;
    // Tombstones beyond this number are merged into one row for all ids without a row; see upkeep().
    static constexpr std::size_t max_unmerged_tombstones = 100'000;

    struct Outcome {
        bool committed = false;
        std::string code, message; // if not committed; empty: the edit made no change
    };
    // Changes `next`, a copy of the committed row `now` or, if `now` is null, a new row with the id. false:
    // no change. May be called several times; only the last call has an effect.
    using Edit = std::function<bool(const Enrolment* now, Enrolment& next)>;
    using Done = std::function<void(const Outcome&)>; // exactly once, perhaps before change() returns

    EnrolmentBook(Core& core, Credentials& credentials, EnrolmentTable& table)
        : core_{core}, credentials_{credentials}, table_{table}
    {}

    void change(std::string id, Edit, Done) UNDER_LOCK;

    // Records that an agent was admitted by a JWT valid until `expires` (UTC s), so that Kind::trust does not
    // admit its id; and that it has received its newest tokens, if this JWT is one of them.
    void admitted_by_token(const std::string& id, std::string_view protocol, std::string_view jti,
                           std::int64_t expires) UNDER_LOCK;

    // Called periodically. Deletes an offline agent that has neither refreshed nor had a valid JWT for 30
    // days; if it had been rotated, a tombstone stays. Tombstones stay until the last JWT they reject has
    // expired. That time is known only if the hub generated the JWT key; with a configured key they stay
    // until `agent add`. The oldest beyond `max_unmerged_tombstones` are merged: then JWTs of all ids without
    // a row are rejected if they were issued before the newest of the merged ones.
    void upkeep(const std::function<bool(std::string_view agent)>& online) UNDER_LOCK;

private:
    struct Change {
        std::string id;
        Edit edit;
        Done done;
        int tries = 0;
    };
    void attempt(const std::shared_ptr<Change>&) UNDER_LOCK;
    void written(const std::shared_ptr<Change>&, const Enrolment&, Written) UNDER_LOCK;
    void remove(const Enrolment&) UNDER_LOCK;
    void forget(const Enrolment&) UNDER_LOCK;
    [[nodiscard]] bool outlived(const Enrolment& tombstone) const;
    [[nodiscard]] bool needs_own_row(const Enrolment& tombstone) const;
    void fold() UNDER_LOCK;

    Core& core_;
    Credentials& credentials_;
    EnrolmentTable& table_;
};

} // namespace agenthost::hub

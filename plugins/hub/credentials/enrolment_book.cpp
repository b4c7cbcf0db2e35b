#include "enrolment_book.hpp"

#include "plugins/hub/http/not_saved.hpp"

#include <algorithm>
#include <exception>
#include <vector>

namespace agenthost::hub {

void EnrolmentBook::change(std::string id, Edit edit, Done done)
{
    attempt(std::make_shared<Change>(Change{std::move(id), std::move(edit), std::move(done)}));
}

void EnrolmentBook::attempt(const std::shared_ptr<Change>& change)
{
    const Enrolment* now = credentials_.enrolments.find(change->id);
    Enrolment next = now != nullptr ? *now : Enrolment{.id = change->id};
    try {
        if (!change->edit(now, next)) return change->done({});
    } catch (const std::exception& e) { // no entropy, no signature
        return change->done({.code = "INTERNAL", .message = e.what()});
    }
    next.version = credentials_.enrolments.next_version();
    const bool taken =
        table_.save(next, now != nullptr ? now->version : 0, [this, change, next](Written result) {
            core_.strand.run([&]() UNDER_LOCK { written(change, next, result); });
        });
    if (!taken)
        change->done({.code = "BUSY", .message = "The hub's database queue is full; try again later"});
}

void EnrolmentBook::written(const std::shared_ptr<Change>& change, const Enrolment& row, Written result)
{
    if (result == Written::changed && ++change->tries < max_tries) return attempt(change);
    switch (result) {
    case Written::done: credentials_.enrolments.put(row); return change->done({.committed = true});
    case Written::changed:
        return change->done(
            {.code = "BUSY",
             .message = "The credential of " + change->id + " is being changed by others; try again later"});
    case Written::failed: {
        const auto why = why_not_saved(core_.config.database);
        return change->done(
            {.code = why.code,
             .message = "The hub could not write its database; nothing was changed. " + why.text});
    }
    }
}

void EnrolmentBook::admitted_by_token(const std::string& id, std::string_view protocol, std::string_view jti,
                                      std::int64_t expires)
{
    const Enrolment* known = credentials_.enrolments.find(id);
    const auto nothing_new = [jti = std::string{jti}, expires](const Enrolment& e) {
        return e.tokens_until >= expires && !e.is_tombstone() && (jti.empty() || e.unproven != jti);
    };
    if (known != nullptr && nothing_new(*known)) return;
    if (known == nullptr && credentials_.enrolments.foreign_full())
        return; // then Kind::trust admits no id without a row
    if (known == nullptr) credentials_.enrolments.reserve(id);
    change(
        id,
        [protocol = std::string{protocol}, jti = std::string{jti}, nothing_new, expires,
         now_ms = core_.utc()](const Enrolment* now, Enrolment& next) {
            if (now != nullptr && (now->revoked || nothing_new(*now))) return false;
            if (next.unproven == jti) next.unproven.clear();
            if (now == nullptr) {
                next.protocol = protocol;
                next.created = now_ms;
            }
            if (now == nullptr || now->is_tombstone()) next.foreign = true;
            next.tokens_until = std::max(next.tokens_until, expires);
            return true;
        },
        [this, id](const Outcome& outcome) {
            const bool refused = !outcome.committed && !outcome.code.empty();
            if (!refused) credentials_.enrolments.release(id); // else retried when the agent reconnects
        });
}

// ---- unused rows ----

void EnrolmentBook::upkeep(const std::function<bool(std::string_view agent)>& online)
{
    const std::int64_t now = core_.utc();
    std::vector<Enrolment> gone, outlived_tombstones;
    for (const auto& [id, e] : credentials_.enrolments.rows()) {
        if (id.empty()) continue; // of all ids without a row
        if (e.is_tombstone()) {
            if (outlived(e)) outlived_tombstones.push_back(e);
            continue;
        }
        if (e.secret || online(id) || (e.refresh.empty() && !e.foreign)) continue;
        const std::int64_t token = e.tokens_until * 1000 + (e.foreign ? forget_after_ms : 0);
        if (std::max(e.refresh_until, token) <= now) gone.push_back(e);
    }
    for (const Enrolment& e : outlived_tombstones) remove(e);
    for (const Enrolment& e : gone) forget(e);
    if (credentials_.enrolments.counts().tombstones > max_unmerged_tombstones) fold();
}

// Removes the row only if it has not changed since it was read.
void EnrolmentBook::remove(const Enrolment& seen)
{
    table_.remove(seen.id, seen.version, [this, id = seen.id, version = seen.version](Written result) {
        core_.strand.run([&] {
            const Enrolment* now = credentials_.enrolments.find(id);
            if (result == Written::done && now != nullptr && now->version == version)
                credentials_.enrolments.remove(id);
        });
    });
}

void EnrolmentBook::forget(const Enrolment& seen)
{
    core_.log(AGH_LOG_INFO, "agent " + seen.id +
                                " has neither connected nor renewed its token for 30 days and was deleted");
    if (seen.valid_from <= credentials_.enrolments.floor())
        return remove(seen); // the floor rejects the same tokens
    change(
        seen.id,
        [seen, now_ms = core_.utc()](const Enrolment* now, Enrolment& next) {
            if (now == nullptr || now->version != seen.version) return false;
            next = {.id = seen.id,
                    .protocol = seen.protocol,
                    .valid_from = seen.valid_from,
                    .created = now_ms,
                    .tokens_until = seen.tokens_until};
            return true;
        },
        [](const Outcome&) {});
}

// Whether it rejects other credentials of the id too: a secret of the file, trust in shops.
bool EnrolmentBook::needs_own_row(const Enrolment& tombstone) const
{
    return credentials_.agents.listed().contains(tombstone.id) || core_.config.trust_shop_id;
}

// Whether everything it rejects has expired.
bool EnrolmentBook::outlived(const Enrolment& tombstone) const
{
    const bool only_we_sign =
        core_.config.jwt_secret.kind == Secret::Kind::none && core_.config.jwt_key.kind == Secret::Kind::none;
    return only_we_sign && !needs_own_row(tombstone) &&
           std::max(tombstone.tokens_until * 1000, tombstone.created + forget_after_ms) <= core_.utc();
}

void EnrolmentBook::fold()
{
    std::vector<Enrolment> oldest;
    for (const auto& [id, e] : credentials_.enrolments.rows()) {
        if (!id.empty() && e.is_tombstone() && !needs_own_row(e)) oldest.push_back(e);
    }
    const std::size_t too_many =
        credentials_.enrolments.counts().tombstones - max_unmerged_tombstones + max_unmerged_tombstones / 100;
    const std::size_t n = std::min(oldest.size(), too_many);
    std::nth_element(oldest.begin(), oldest.begin() + static_cast<std::ptrdiff_t>(n), oldest.end(),
                     [](const Enrolment& a, const Enrolment& b) { return a.created < b.created; });
    oldest.resize(n);
    if (oldest.empty()) return;
    std::int64_t floor = 0;
    for (const Enrolment& e : oldest) floor = std::max({floor, e.created / 1000 + 1, e.valid_from});
    change(
        {}, // the row of all ids without one
        [floor](const Enrolment*, Enrolment& next) {
            next.valid_from = std::max(next.valid_from, floor);
            return true;
        },
        [this, oldest, floor](const Outcome& outcome) UNDER_LOCK {
            if (!outcome.committed) return; // retry at the next upkeep()
            core_.log(AGH_LOG_WARN,
                      "hub: " + std::to_string(oldest.size()) +
                          " old revocations were merged into one date: JWTs of agents without an "
                          "enrolment are rejected if they were issued before " +
                          std::to_string(floor) +
                          " (UTC, s). Sign new ones for agents that still "
                          "use such a token.");
            for (const Enrolment& e : oldest) remove(e);
        });
}

} // namespace agenthost::hub

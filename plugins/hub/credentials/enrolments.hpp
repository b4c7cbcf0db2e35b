// Keeps the rows of agents that have a credential from this hub, were revoked, or were admitted by a JWT that
// was signed elsewhere: a copy of the committed table (enrolment_book.hpp changes both). Pure. Not
// thread-safe: the hub's lock guards it.
#pragma once

#include "plugins/hub/store/enrolment_table.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace agenthost::hub {

class Enrolments {
public:
    static constexpr std::size_t max_enrolled = 100'000;   // agents with a credential from this hub
    static constexpr std::size_t max_foreign = 100'000;    // agents known by JWTs signed elsewhere
    static constexpr std::size_t max_tombstones = 200'000; // enrolment_book.hpp merges them earlier

    using Rows = std::map<std::string, Enrolment, std::less<>>;
    struct Counts {
        std::size_t ours = 0, foreign = 0, tombstones = 0;
    };

    void put(Enrolment); // committed rows only; called by EnrolmentBook and at start-up
    void remove(std::string_view agent);
    [[nodiscard]] std::uint64_t next_version() { return ++last_version_; } // of a row

    [[nodiscard]] const Enrolment* find(std::string_view agent) const;
    [[nodiscard]] bool revoked(std::string_view agent) const;
    // The row with the empty id applies to JWTs of all ids without a row.
    [[nodiscard]] const Rows& rows() const { return rows_; }
    // UTC s: JWTs issued before this time are rejected for ids without a row (merged tombstones).
    [[nodiscard]] std::int64_t floor() const;
    [[nodiscard]] const Counts& counts() const { return counts_; }

    // Reserves an id that a JWT has admitted and whose row is not on disk yet: Kind::trust does not admit it.
    void reserve(const std::string& agent) { reserved_.insert(agent); }
    void release(const std::string& agent) { reserved_.erase(agent); }
    [[nodiscard]] bool reserved(std::string_view agent) const { return reserved_.contains(agent); }
    [[nodiscard]] bool foreign_full() const { return counts_.foreign + reserved_.size() >= max_foreign; }

private:
    void count(const Enrolment&, bool add);

    Rows rows_;
    Counts counts_;
    std::uint64_t last_version_ = 0;
    std::set<std::string, std::less<>> reserved_; // at most max_foreign
};

} // namespace agenthost::hub

// The enrolment table in the hub's SQLite file, written in the store's group commits. A row is written only
// if it still has the version that its writer saw, so that concurrent changes cannot undo each other.
#pragma once

#include "enrolment_table.hpp"
#include "store.hpp"

#include <vector>

namespace agenthost::hub {

class StoreEnrolment final : public EnrolmentTable {
public:
    struct Loaded {
        std::vector<Enrolment> enrolments; // including those that an older hub created
        std::vector<MintedJwt> jwts;       // not expired
    };
    // Blocking, before store.start(). Throws std::runtime_error. `store` must outlive it.
    StoreEnrolment(Store& store, std::int64_t now, Loaded& loaded);

    bool save(const Enrolment&, std::uint64_t expected, std::function<void(Written)>) override;
    bool remove(std::string id, std::uint64_t expected, std::function<void(Written)>) override;
    bool save(const MintedJwt&, std::function<void(bool ok)>) override;
    bool remove_jwt(std::string jti, std::function<void(bool ok)>) override;

private:
    bool write(std::function<bool(base::Database&)> work, std::function<void(Written)> done);

    Store& store_;
};

} // namespace agenthost::hub

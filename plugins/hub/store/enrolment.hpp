// The enrolment table in the hub's SQLite file, written in the store's group commits. A row changes only from the version its writer
// has seen, so that writes that cross each other cannot undo one another.
#pragma once

#include "enrolment_table.hpp"
#include "store.hpp"

#include <vector>

namespace agenthost::hub {

class StoreEnrolment final : public EnrolmentTable {
public:
    struct Loaded {
        std::vector<Enrolment> enrolments; // those an older hub minted among them
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

// The enrolment table in the hub's SQLite file, written in the store's group commits.
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

    bool save(const Enrolment&, std::function<void(bool ok)>) override;
    bool remove(std::string id, std::function<void(bool ok)>) override;
    bool save(const MintedJwt&, std::function<void(bool ok)>) override;
    bool remove_jwt(std::string jti, std::function<void(bool ok)>) override;

private:
    Store& store_;
};

} // namespace agenthost::hub

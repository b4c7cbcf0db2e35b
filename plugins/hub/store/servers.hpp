// The rows of game servers in the hub's database. save() and remove() under the hub's lock; the rows are
// written on the store's thread.
#pragma once

#include "server_table.hpp"
#include "store.hpp"

#include <vector>

namespace agenthost::hub {

class StoreServers final : public ServerTable {
public:
    // More rows are not written.
    static constexpr std::int64_t max_rows = 20'000;

    using Loaded = std::vector<ServerRow>;
    // Blocking, before store.start(). Throws std::runtime_error. `store` must outlive it.
    StoreServers(Store& store, Loaded& loaded);

    bool save(const ServerRow&) override;
    bool remove(std::string agent, std::string id) override;

private:
    Store& store_;
};

} // namespace agenthost::hub

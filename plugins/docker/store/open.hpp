// Opens the store: locked, checked, upgraded. A damaged file is put aside, and the plugin starts without it.
#pragma once

#include "store.hpp"

#include <memory>
#include <string>

namespace agenthost::docker::store {

// With the current layout. Throws Damaged, else std::runtime_error: file, cause and remedy.
base::Database open_database(const std::string& file);

struct Opened {
    std::unique_ptr<Store> store;
    Store::Loaded content;
    // Why the plugin is degraded: the damaged file is kept as FILE.damaged-N (N from 1 to 9, the last one is
    // replaced) and the list of servers is empty. Containers of servers that are no longer known keep
    // running; nothing may remove them. Empty: all is well.
    std::string degraded;
};
// Throws std::runtime_error when the file cannot be used at all.
Opened open_store(const std::string& file);

} // namespace agenthost::docker::store

// Decides which actions a caller may run, and which plugins may send it events.
//
// Pure. Main thread.
#pragma once

#include "caller.hpp"
#include "registry.hpp"

#include <string>
#include <string_view>

namespace agenthost::host {

// By the caller's allow list, or by what manifests alias for its protocol where it has none.
[[nodiscard]] bool allowed(const Policy&, const Action&);
[[nodiscard]] bool allowed(const Policy&, const Registry::Missing&);
// The caller may run at least one action of the plugin.
[[nodiscard]] bool admits_plugin(const Policy&, const Registry&, std::string_view plugin);
// The sentence that tells an administrator what to write in the configuration to permit the action.
[[nodiscard]] std::string how_to_allow(const Policy&, const std::string& action);

} // namespace agenthost::host

// What tests of a daemon's life share: plugins that break their promises (tests/abi) and the state of the
// first plugin.
#pragma once

#include "../support/daemon.hpp"

#include <nlohmann/json.hpp>

#include <string>

namespace agenthost::test {

// Where the plugins of the ABI suite are.
inline std::string plugins() { return (binary_dir() / "tests/plugins").string(); }

// `plugins` with the hostile one. `mode`: what it does wrong.
inline std::string hostile(const std::string& mode, const std::string& more = {})
{
    return "plugins:\n  hostile: {enabled: true" + more + ", config: {mode: '" + mode + "', dir: '{dir}'}}\n";
}

// How often `part` occurs.
inline std::size_t times(const std::string& text, const std::string& part)
{
    std::size_t n = 0;
    for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++n;
    return n;
}

// The status of the first plugin.
inline nlohmann::json plugin(Daemon& daemon)
{
    const auto status = daemon.status();
    if (!status.is_object() || status["plugins"].empty()) return nlohmann::json::object();
    return status["plugins"][0];
}

} // namespace agenthost::test

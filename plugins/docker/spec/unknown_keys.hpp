// What happens to members that an object of the payload should not have.
//
// The container is built from known members alone, so an unknown one never has an effect. One that asks for
// less isolation (privileged, mounts, capabilities, namespaces, devices, security options, ...) is still
// refused, because its sender believes that the server has it. Others become notes. A value that asks for
// nothing (false, null, "", 0, [], {}) is ignored.
#pragma once

#include "document.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::docker {

// Remarks for the server's log: what was given and is not used. At most 64.
class Notes {
public:
    void add(std::string_view path, std::string_view text);
    [[nodiscard]] std::vector<std::string> take() { return std::move(lines_); }

private:
    std::vector<std::string> lines_;
};

void check_keys(const Node& object, std::initializer_list<std::string_view> known, Notes&);

// "NetworkMode", "network_mode" and "network-mode" are the same key.
bool weakens_isolation(std::string_view key);

} // namespace agenthost::docker

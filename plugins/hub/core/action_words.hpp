// Maps actions to the protocols' own names for them: "docker.start_server" is "start_server" for a panel
// agent.
//
// The names come from the `aliases` of manifests: those of this repository's plugins, built in, and those
// that the configuration lists. An action without a protocol name is sent unchanged: agents look it up in
// their own registry. host/adr/0012.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace agenthost::hub {

// The action of a terminal command; its tasks are runs (runs.hpp).
inline constexpr std::string_view run_action = "terminal.run";

class ActionWords {
public:
    ActionWords();

    // Adds a manifest's aliases. Of several names for one action the first manifest's is kept; within a
    // manifest the action's own verb, else the first. Returns the problem, or empty.
    std::string add(std::string_view manifest_json);
    // Adds a manifest, or all of a folder (*.manifest.json, as packages install them). Returns the problem,
    // or empty. Blocking.
    std::string add_path(const std::string& path);

    // The protocol's name for an action; text without one (including a protocol's own name) is returned
    // unchanged.
    [[nodiscard]] std::string_view word(std::string_view protocol, std::string_view action) const;
    // Whether this is a terminal command, by the action's name or a protocol's name for it.
    [[nodiscard]] bool is_run(std::string_view action) const;

private:
    using Words = std::map<std::string, std::string, std::less<>>; // action -> word
    std::map<std::string, Words, std::less<>> protocols_;
};

} // namespace agenthost::hub

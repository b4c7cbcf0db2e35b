// Holds the words that protocols have for actions: "docker.start_server" is "start_server" to a panel agent.
//
// They come from manifests (`aliases`), read backwards: those of this repository's plugins, built in, and those that the configuration
// names. An action without a word goes as it is: agents look it up in their own registry. host/adr/0012.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace agenthost::hub {

// The action of a command on a terminal; its tasks are runs (runs.hpp).
inline constexpr std::string_view run_action = "terminal.run";

class ActionWords {
public:
    ActionWords();

    // Adds a manifest's aliases; of two words for one action the first is kept. What is wrong with it, or empty.
    std::string add(std::string_view manifest_json);
    // Adds a manifest, or those of a folder (*.manifest.json, as packages install them). What is wrong, or empty. Blocking.
    std::string add_path(const std::string& path);

    // The protocol's word for an action; what has none, its own words among them, is returned as it is.
    [[nodiscard]] std::string_view word(std::string_view protocol, std::string_view action) const;
    // A command on a terminal, by the action's name or a protocol's word for it.
    [[nodiscard]] bool is_run(std::string_view action) const;

private:
    using Words = std::map<std::string, std::string, std::less<>>; // action -> word
    std::map<std::string, Words, std::less<>> protocols_;
};

} // namespace agenthost::hub

// Which action is whose, and which wire word means which action. Changes only when plugins come and go; look-ups allocate nothing.
// Main I/O thread only.
#pragma once

#include "host/plugin/manifest.hpp"

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host {

class Plugin;

struct Action {
    std::string name;
    const ActionManifest* manifest = nullptr; // owned by the plugin's Manifest, or by the registry for host.*
    Plugin* plugin = nullptr;                 // null: the host's own (host.ping, host.status, host.actions)
    std::shared_ptr<const Manifest> keep;
};

class Registry {
public:
    // Problems: a name that another plugin has, a name outside "<id>.", an alias that is taken. Nothing is added then.
    std::vector<std::string> add(Plugin&, std::shared_ptr<const Manifest>);
    void remove(const Plugin&);
    void add_builtin(ActionManifest);

    // Own map first, then the protocol's aliases, then the word as an action's name. nullptr: nobody's.
    [[nodiscard]] const Action* resolve(std::string_view word, std::string_view protocol,
                                        const std::map<std::string, std::string>& own_map) const;
    [[nodiscard]] std::vector<const Action*> all() const;
    // The default allow list of a protocol: what manifests alias for it, and host.*
    [[nodiscard]] std::vector<std::string> default_allow(std::string_view protocol) const;

private:
    std::map<std::string, Action, std::less<>> actions_;
    std::map<std::string, std::map<std::string, std::string, std::less<>>, std::less<>> aliases_;
};

// "storage.*" admits storage.info; "*" everything; otherwise the name itself.
bool matches(std::string_view pattern, std::string_view action);

} // namespace agenthost::host

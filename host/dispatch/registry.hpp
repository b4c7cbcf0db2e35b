// Finds actions: which plugin has an action, and which action a wire word means. Changes only when plugins
// come and go; lookups allocate nothing.
//
// Main I/O thread. Owned by host/app.
#pragma once

#include "names.hpp"

#include "host/plugin/manifest.hpp"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::host {

class Plugin;

struct Action {
    std::string name;
    // Owned by the plugin's Manifest, or by the registry for host.*.
    const ActionManifest* manifest = nullptr;
    // Null: the host's own (host.ping, host.status, host.actions).
    Plugin* plugin = nullptr;
    std::shared_ptr<const Manifest> keep;
    // Never freed while the registry lives, so that a request can name them after the plugin is gone.
    // `owner`: the plugin's id, or "host".
    const std::string* full_name = nullptr;
    const std::string* owner = nullptr;
    // The protocols that have an alias for it.
    std::vector<std::string> protocols;
};

class Registry {
public:
    // Returns problems: a name that another plugin has, a name outside "<id>.", an alias that is taken. With
    // a problem nothing is added.
    std::vector<std::string> add(Plugin&, std::shared_ptr<const Manifest>);
    void remove(const Plugin&);
    // The plugin is enabled but not running: its actions are refused with `why` ("has failed: ...", "is
    // starting; try again later") until it is added or available() is called. `manifest`: null when it has
    // none.
    void unavailable(const std::string& id, std::string why, std::shared_ptr<const Manifest>);
    void available(const std::string& id);
    // A second one of the same name replaces the first.
    void add_builtin(ActionManifest);
    // A protocol's word for a built-in action; a plugin's alias of the same word is then refused.
    void alias_builtin(const std::string& protocol, const std::string& word, const std::string& action);

    // The caller's own map first, then the protocol's aliases, then the word as an action's name. nullptr:
    // none.
    [[nodiscard]] const Action* resolve(std::string_view word, std::string_view protocol,
                                        const std::map<std::string, std::string>& own_map) const;
    // Why resolve() found nothing, when a plugin that is unavailable has the action.
    struct Missing {
        std::string plugin, action, why;
        // The manifest has an alias for the protocol.
        bool by_default;
    };
    [[nodiscard]] std::optional<Missing> missing(std::string_view word, std::string_view protocol,
                                                 const std::map<std::string, std::string>& own_map) const;
    // Ordered by name.
    [[nodiscard]] std::vector<const Action*> all() const;
    // The default allow list of a protocol: host.* and the actions that manifests alias for it.
    [[nodiscard]] std::vector<std::string> default_allow(std::string_view protocol) const;
    // Whether that list has the action.
    [[nodiscard]] static bool allowed_by_default(const Action&, std::string_view protocol);

private:
    const std::string* keep_name(std::string_view);
    const Action* look_up(std::string_view word, std::string_view protocol) const;

    // The latest lookups, as servers send the same few words over and over. Cleared by every change.
    struct Answered {
        std::string protocol, word;
        const Action* action = nullptr;
    };
    mutable std::array<Answered, 16> answered_;

    struct Unavailable {
        std::string why;
        std::shared_ptr<const Manifest> manifest;
    };
    // By plugin id; bounded by the configuration.
    std::map<std::string, Unavailable> unavailable_;

    NameMap<Action> actions_;
    NameMap<NameMap<const Action*>> aliases_;
    // Grows with the plugins that were ever added, not with traffic.
    std::set<std::string, std::less<>> names_;
};

// "storage.*" admits storage.info; "*" everything; otherwise the name itself.
inline bool matches(std::string_view pattern, std::string_view action)
{
    if (!pattern.ends_with('*')) return pattern == action;
    return action.starts_with(pattern.substr(0, pattern.size() - 1));
}

} // namespace agenthost::host

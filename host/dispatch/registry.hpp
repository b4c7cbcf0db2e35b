// Which action is whose, and which wire word means which action. Changes only when plugins come and go;
// look-ups allocate nothing. Main I/O thread only.
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
    const ActionManifest* manifest = nullptr; // owned by the plugin's Manifest, or by the registry for host.*
    Plugin* plugin = nullptr;                 // null: the host's own (host.ping, host.status, host.actions)
    std::shared_ptr<const Manifest> keep;
    // Never freed while the registry lives, so that a request can name them after the plugin is gone.
    const std::string* full_name = nullptr;
    const std::string* owner = nullptr; // the plugin's id; "host" for the host's own
    std::vector<std::string> protocols; // whose aliases lead here
};

class Registry {
public:
    // Problems: a name that another plugin has, a name outside "<id>.", an alias that is taken. Nothing is
    // added then.
    std::vector<std::string> add(Plugin&, std::shared_ptr<const Manifest>);
    void remove(const Plugin&);
    // A plugin that is enabled and cannot be asked now ("has failed: ...", "is starting; try again later"): its actions are refused
    // with that. Until it is added, or available() says that it is no longer expected. `manifest`: null when it has none.
    void unavailable(const std::string& id, std::string why, std::shared_ptr<const Manifest>);
    void available(const std::string& id);
    void add_builtin(ActionManifest); // a second of the same name replaces the first
    // A protocol's word for one that has been added; a plugin's alias of the same word is then refused.
    void alias_builtin(const std::string& protocol, const std::string& word, const std::string& action);

    // Own map first, then the protocol's aliases, then the word as an action's name. nullptr: nobody's.
    [[nodiscard]] const Action* resolve(std::string_view word, std::string_view protocol,
                                        const std::map<std::string, std::string>& own_map) const;
    // Why resolve() found nothing, when a plugin that is unavailable has the action.
    struct Missing {
        std::string plugin, action, why;
        bool by_default; // its manifest aliases it for the protocol
    };
    [[nodiscard]] std::optional<Missing> missing(std::string_view word, std::string_view protocol,
                                                 const std::map<std::string, std::string>& own_map) const;
    [[nodiscard]] std::vector<const Action*> all() const; // by name
    // The default allow list of a protocol: what manifests alias for it, and host.*
    [[nodiscard]] std::vector<std::string> default_allow(std::string_view protocol) const;
    // The same as a question about one action.
    [[nodiscard]] static bool allowed_by_default(const Action&, std::string_view protocol);

private:
    const std::string* keep_name(std::string_view);
    const Action* look_up(std::string_view word, std::string_view protocol) const;

    // Servers say the same few words over and over: the last answers, forgotten with every change.
    struct Answered {
        std::string protocol, word;
        const Action* action = nullptr;
    };
    mutable std::array<Answered, 16> answered_;

    struct Unavailable {
        std::string why;
        std::shared_ptr<const Manifest> manifest;
    };
    std::map<std::string, Unavailable> unavailable_; // by id; bounded by the configuration

    NameMap<Action> actions_;
    NameMap<NameMap<const Action*>> aliases_;
    std::set<std::string, std::less<>> names_; // grows with the plugins that ever were, not with traffic
};

// "storage.*" admits storage.info; "*" everything; otherwise the name itself.
bool matches(std::string_view pattern, std::string_view action);

} // namespace agenthost::host

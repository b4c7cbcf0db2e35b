#include "registry.hpp"

#include "host/plugin/plugin.hpp"

#include <algorithm>

namespace agenthost::host {

namespace {

const std::string host_id = "host";

// The policy's map is a plain std::map<std::string, ...> of a few words: a lookup with a view would allocate.
const std::string* own_word(const std::map<std::string, std::string>& own_map, std::string_view word)
{
    for (const auto& [from, to] : own_map)
        if (from == word) return &to;
    return nullptr;
}

} // namespace

const std::string* Registry::keep_name(std::string_view name)
{
    const auto at = names_.find(name);
    return &*(at != names_.end() ? at : names_.emplace(name).first);
}

std::vector<std::string> Registry::add(Plugin& plugin, std::shared_ptr<const Manifest> manifest)
{
    std::vector<std::string> problems;
    const std::string& id = manifest->id;
    if (id.empty() || id == host_id)
        problems.push_back("plugin id \"" + id +
                           "\" cannot be used: \"host\" is the host's own; choose another id");
    std::set<std::string_view> own;
    for (const ActionManifest& action : manifest->actions) {
        if (action.name.size() <= id.size() + 1 || !action.name.starts_with(id + "."))
            problems.push_back("plugin " + id + ": action \"" + action.name +
                               "\" is outside its name space; call it \"" + id + ".<verb>\"");
        else if (const auto at = actions_.find(action.name); at != actions_.end())
            problems.push_back("plugin " + id + ": action \"" + action.name + "\" belongs to plugin " +
                               *at->second.owner + " already; disable one of the two");
        if (!own.insert(action.name).second)
            problems.push_back("plugin " + id + ": action \"" + action.name +
                               "\" is listed twice in its manifest; remove one");
    }
    for (const auto& [protocol, words] : manifest->aliases) {
        const auto taken = aliases_.find(protocol);
        for (const auto& [word, action] : words) {
            if (!own.contains(action))
                problems.push_back("plugin " + id + ": alias \"" + word + "\" of protocol " + protocol +
                                   " leads to \"" + action +
                                   "\", which is not an action of this plugin; correct the manifest");
            if (taken == aliases_.end()) continue;
            if (const auto at = taken->second.find(word); at != taken->second.end())
                problems.push_back("plugin " + id + ": alias \"" + word + "\" of protocol " + protocol +
                                   " belongs to plugin " + *at->second->owner +
                                   " already; disable one of the two, or use servers[].map instead");
        }
    }
    if (!problems.empty()) return problems;
    answered_ = {};
    unavailable_.erase(id);

    for (const ActionManifest& action : manifest->actions)
        actions_[action.name] = {.name = action.name,
                                 .manifest = &action,
                                 .plugin = &plugin,
                                 .keep = manifest,
                                 .full_name = keep_name(action.name),
                                 .owner = keep_name(id),
                                 .protocols = {}};
    for (const auto& [protocol, words] : manifest->aliases) {
        for (const auto& [word, name] : words) {
            Action& action = actions_.find(name)->second;
            aliases_[protocol][word] = &action;
            if (std::ranges::find(action.protocols, protocol) == action.protocols.end())
                action.protocols.push_back(protocol);
        }
    }
    return {};
}

void Registry::remove(const Plugin& plugin)
{
    answered_ = {};
    for (auto& [protocol, words] : aliases_)
        std::erase_if(words, [&](const auto& entry) { return entry.second->plugin == &plugin; });
    std::erase_if(aliases_, [](const auto& entry) { return entry.second.empty(); });
    std::erase_if(actions_, [&](const auto& entry) { return entry.second.plugin == &plugin; });
}

void Registry::unavailable(const std::string& id, std::string why, std::shared_ptr<const Manifest> manifest)
{
    unavailable_[id] = {std::move(why), std::move(manifest)};
}

void Registry::available(const std::string& id) { unavailable_.erase(id); }

std::optional<Registry::Missing> Registry::missing(std::string_view word, std::string_view protocol,
                                                   const std::map<std::string, std::string>& own_map) const
{
    if (const std::string* mapped = own_word(own_map, word)) word = *mapped;
    for (const auto& [id, it] : unavailable_) {
        std::string action;
        bool by_default = false;
        if (it.manifest)
            if (const auto words = it.manifest->aliases.find(std::string{protocol});
                words != it.manifest->aliases.end())
                for (const auto& [alias, name] : words->second) {
                    if (alias == word) action = name;
                    by_default = by_default || alias == word || name == word;
                }
        // Without a manifest only the name's prefix tells which plugin's it is.
        if (action.empty() && word.size() > id.size() + 1 && word.starts_with(id) && word[id.size()] == '.')
            action = word;
        if (!action.empty()) return Missing{id, action, it.why, by_default};
    }
    return std::nullopt;
}

void Registry::add_builtin(ActionManifest builtin)
{
    answered_ = {};
    auto manifest = std::make_shared<Manifest>();
    manifest->id = host_id;
    manifest->actions.push_back(std::move(builtin));
    const ActionManifest& action = manifest->actions.front();
    actions_[action.name] = {.name = action.name,
                             .manifest = &action,
                             .plugin = nullptr,
                             .keep = manifest,
                             .full_name = keep_name(action.name),
                             .owner = keep_name(host_id),
                             .protocols = {}};
}

void Registry::alias_builtin(const std::string& protocol, const std::string& word, const std::string& name)
{
    const auto at = actions_.find(name);
    if (at == actions_.end() || at->second.plugin) return;
    answered_ = {};
    aliases_[protocol][word] = &at->second;
}

const Action* Registry::resolve(std::string_view word, std::string_view protocol,
                                const std::map<std::string, std::string>& own_map) const
{
    if (!own_map.empty()) {
        if (const std::string* mapped = own_word(own_map, word)) {
            const auto at = actions_.find(*mapped);
            return at == actions_.end() ? nullptr : &at->second;
        }
    }
    if (word.empty()) return nullptr;
    Answered& answered = answered_[(word.size() * 5 + static_cast<unsigned char>(word.front()) +
                                    static_cast<unsigned char>(word.back()) * 3) %
                                   answered_.size()];
    if (answered.action && answered.word == word && answered.protocol == protocol) return answered.action;
    const Action* action = look_up(word, protocol);
    // Unknown words are not remembered: a peer could send many of them.
    if (action) {
        answered.protocol.assign(protocol);
        answered.word.assign(word);
        answered.action = action;
    }
    return action;
}

const Action* Registry::look_up(std::string_view word, std::string_view protocol) const
{
    if (const auto words = aliases_.find(protocol); words != aliases_.end())
        if (const auto at = words->second.find(word); at != words->second.end()) return at->second;
    const auto at = actions_.find(word);
    return at == actions_.end() ? nullptr : &at->second;
}

std::vector<const Action*> Registry::all() const
{
    std::vector<const Action*> list;
    list.reserve(actions_.size());
    for (const auto& [name, action] : actions_) list.push_back(&action);
    std::ranges::sort(list, {}, [](const Action* a) -> const std::string& { return a->name; });
    return list;
}

bool Registry::allowed_by_default(const Action& action, std::string_view protocol)
{
    if (!action.plugin) return true;
    return std::ranges::find(action.protocols, protocol) != action.protocols.end();
}

std::vector<std::string> Registry::default_allow(std::string_view protocol) const
{
    std::vector<std::string> list{"host.*"};
    for (const Action* action : all())
        if (action->plugin && allowed_by_default(*action, protocol)) list.push_back(action->name);
    return list;
}

} // namespace agenthost::host

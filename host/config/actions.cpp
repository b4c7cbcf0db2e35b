// Checks allow and map of the servers against the actions of installed plugins.
//
// A plugin may be missing: one file serves many machines, and third parties have their own plugins. So an
// unknown name is a warning, unless it is similar to a known one or its plugin is installed: then it is a
// typo and an error. A plugin with an entry below `plugins:` counts as known, even if its name is similar to
// another.
#include "fields.hpp"
#include "keys.hpp"

#include "base/suggestion.hpp"

#include <algorithm>

namespace agenthost::host::conf {

namespace {

struct Known {
    std::vector<std::string> ids;     // installed or configured
    std::vector<std::string> actions; // of installed plugins
    bool installed(const std::string& id) const
    {
        return std::any_of(actions.begin(), actions.end(),
                           [&](const std::string& a) { return a.starts_with(id + "."); });
    }
};

Known all_known(Reading& r)
{
    Known out;
    for (const KnownPlugin& plugin : r.known_plugins()) {
        out.ids.push_back(plugin.id);
        out.actions.insert(out.actions.end(), plugin.actions.begin(), plugin.actions.end());
    }
    for (const PluginConfig& plugin : r.config.plugins) out.ids.push_back(plugin.id);
    return out;
}

// `name`: an action, or a pattern without its "*".
void report_unknown(Reading& r, const Known& known, const Where& where, const std::string& path,
                    const std::string& written)
{
    const std::string text = path + ": \"" + written + "\"";
    const std::string id = written.substr(0, written.find('.'));
    if (known.installed(id)) {
        std::vector<std::string> own;
        for (const std::string& action : known.actions)
            if (action.starts_with(id + ".")) own.push_back(action);
        std::string hint = base::did_you_mean(written, own);
        if (hint.empty())
            for (const std::string& action : own) hint += (hint.empty() ? "; it has " : ", ") + action;
        r.problems.add(where, text + " is not an action of plugin " + id + hint);
        return;
    }
    if (std::find(known.ids.begin(), known.ids.end(), id) == known.ids.end())
        if (const std::string near{base::nearest(id, known.ids)}; !near.empty()) {
            r.problems.add(where, text + ": there is no plugin " + id + "; did you mean \"" + near +
                                      written.substr(id.size()) +
                                      "\"? If you mean a plugin that is to be installed later, give it an "
                                      "entry below plugins:");
            return;
        }
    r.problems.warn(where, text + ": plugin " + id + " is not installed here, so this admits nothing yet");
}

void check_allow(Reading& r, const Known& known, const Where& where, const std::string& path,
                 const std::string& pattern)
{
    const auto star = pattern.find('*');
    if (star != std::string::npos && star + 1 != pattern.size()) {
        r.problems.add(where,
                       path + ": \"" + pattern + "\": a * counts only at the end, as in \"storage.*\"");
        return;
    }
    const std::string_view start = std::string_view{pattern}.substr(0, star);
    const bool matches =
        std::any_of(known.actions.begin(), known.actions.end(), [&](const std::string& action) {
            return star == std::string::npos ? action == pattern : action.starts_with(start);
        });
    if (matches) return;
    if (start.find('.') == std::string_view::npos) {
        const std::string near{base::nearest(start, known.ids)};
        r.problems.add(where, path + ": \"" + pattern +
                                  "\" names no action; actions are written PLUGIN.VERB, and \"PLUGIN.*\" "
                                  "stands for all of one" +
                                  (near.empty() ? "" : "; did you mean \"" + near + ".*\"?"));
        return;
    }
    report_unknown(r, known, where, path, pattern);
}

} // namespace

void check_actions(Reading& r, const Value& root)
{
    const Member* const servers = root.find("servers");
    if (!servers || !r.request || !r.request->plugins) return;
    const Known known = all_known(r);
    for (std::size_t i = 0; i < servers->value.items.size(); ++i) {
        const Value& item = servers->value.items[i];
        const std::string path = "servers[" + std::to_string(i) + "]";
        if (const Member* const allow = item.find("allow"))
            for (std::size_t j = 0; j < allow->value.items.size(); ++j)
                if (const Value& pattern = allow->value.items[j]; !pattern.text.empty())
                    check_allow(r, known, pattern.where, path + ".allow[" + std::to_string(j) + "]",
                                pattern.text);
        if (const Member* const map = item.find("map"))
            for (const Member& word : map->value.members) {
                const std::string& action = word.value.text;
                if (action.find('.') == std::string::npos ||
                    std::find(known.actions.begin(), known.actions.end(), action) != known.actions.end())
                    continue;
                report_unknown(r, known, word.value.where, path + ".map." + word.key, action);
            }
    }
}

} // namespace agenthost::host::conf

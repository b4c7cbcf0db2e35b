// Edits of configuration files.
#include "egg_parts.hpp"
#include "refusal.hpp"

#include <array>

namespace agenthost::docker {

namespace {

constexpr std::size_t max_files = 64, max_edits = 256, max_path = 512, max_where = 512, max_value = 16 << 10;

// A file inside the server's folder. The files room opens it beneath that folder in any case; this gives the
// clear message.
std::string checked_file(const std::string& name, const Node& node)
{
    std::string_view rest = name;
    if (rest.starts_with("./")) rest.remove_prefix(2);
    const std::string file{rest};
    bool good = !file.empty() && file.size() <= max_path && file.find('\\') == std::string::npos;
    for (const char c : file) good = good && static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
    while (good) {
        const auto slash = rest.find('/');
        const std::string_view part = rest.substr(0, slash);
        good = !part.empty() && part != "." && part != "..";
        if (slash == std::string_view::npos) break;
        rest.remove_prefix(slash + 1);
    }
    if (!good)
        node.refuse(shown(name) +
                    " is not a file inside the server's folder. Write a relative path without .. such as "
                    "config/server.properties.");
    return file;
}

FileFormat read_format(const Node& node)
{
    struct FormatName {
        std::string_view text;
        FileFormat format;
    };
    static constexpr std::array<FormatName, 7> names{{{"file", FileFormat::text},
                                                      {"properties", FileFormat::properties},
                                                      {"ini", FileFormat::ini},
                                                      {"yaml", FileFormat::yaml},
                                                      {"yml", FileFormat::yaml},
                                                      {"json", FileFormat::json},
                                                      {"xml", FileFormat::xml}}};
    const std::string text = node.line(32);
    for (const FormatName& name : names)
        if (name.text == text) return name.format;
    node.refuse(shown(text) + " is not a parser. Use file, properties, ini, yaml, json or xml.");
}

ConfigEdit read_edit(const std::string& where, const Node& value)
{
    if (where.empty() || where.size() > max_where) value.refuse("what to find must have 1 to 512 bytes.");
    ConfigEdit edit;
    edit.where = where;
    if (value.json().is_string()) {
        edit.value = value.line(max_value);
        return edit;
    }
    if (value.json().is_structured())
        value.refuse("the new value must be a string, a number, true, false or null.");
    edit.value = value.json().dump();
    edit.quoted = false;
    return edit;
}

void read_edits(const Node& find, std::vector<ConfigEdit>& edits)
{
    const auto add = [&](ConfigEdit edit) {
        if (edits.size() >= max_edits) find.refuse("has more than " + std::to_string(max_edits) + " edits.");
        edits.push_back(std::move(edit));
    };
    for (const auto& [where, value] : find.members(max_edits)) {
        if (!value.json().is_object()) {
            add(read_edit(where, value));
            continue;
        }
        // {"servers.*.address": {"regex:^127\\.": "new value"}}: only where the current value is this.
        for (const auto& [condition, replacement] : value.members(max_edits)) {
            ConfigEdit edit = read_edit(where, replacement);
            edit.if_value = read_text_match(condition, replacement);
            add(std::move(edit));
        }
    }
}

} // namespace

std::vector<ConfigFile> read_config_files(const Node& node, Notes& notes)
{
    std::vector<ConfigFile> files;
    for (const auto& [name, value] : node.members(max_files)) {
        check_keys(value, {"parser", "find"}, notes);
        ConfigFile file;
        file.file = checked_file(name, value);
        const auto parser = value.find("parser");
        if (!parser) value.refuse("has no parser. Use file, properties, ini, yaml, json or xml.");
        file.format = read_format(*parser);
        if (const auto find = value.find("find")) read_edits(*find, file.edits);
        files.push_back(std::move(file));
    }
    return files;
}

} // namespace agenthost::docker

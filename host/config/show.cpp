#include "config.hpp"
#include "keys.hpp"

namespace agenthost::host {

using conf::Json;

namespace {

// True if YAML reads the unquoted text as the same string.
bool is_plain(const std::string& text)
{
    if (text.empty() || text.size() > 200) return false;
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/'; };
    if (!letter(text[0])) return false;
    for (const char* word : {"true", "True", "TRUE", "false", "False", "FALSE", "null", "Null", "NULL", "yes",
                             "no", "on", "off", "y", "n"})
        if (text == word) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool safe = letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' ||
                          (c == ':' && i + 1 < text.size() && text[i + 1] == '/');
        if (!safe) return false;
    }
    return true;
}

bool is_unit_number(const std::string& text) // "30s", "1MiB"
{
    return !text.empty() && text.size() < 24 && text[0] >= '1' && text[0] <= '9' && text.back() >= 'A' &&
           text.find_first_not_of("0123456789abdegihkmsKMGTiB") == std::string::npos &&
           text.find('e') == std::string::npos;
}

std::string scalar(const Json& value)
{
    if (value.is_string()) {
        const auto& text = value.get_ref<const std::string&>();
        if (is_plain(text) || is_unit_number(text)) return text;
    }
    return value.dump(-1, ' ', false, Json::error_handler_t::replace); // a quoted JSON string is valid YAML
}

bool is_short_list(const Json& value)
{
    if (!value.is_array() || value.size() > 8) return false;
    for (const Json& item : value)
        if (item.is_structured()) return false;
    return true;
}

void write(std::string& out, const Json& value, int indent)
{
    const std::string pad(static_cast<std::size_t>(indent), ' ');
    if (value.is_object()) {
        for (const auto& [name, member] : value.items()) {
            out += pad + scalar(name) + ":";
            if (!member.is_structured()) {
                out += " " + scalar(member) + "\n";
            } else if (member.empty()) {
                out += member.is_array() ? " []\n" : " {}\n";
            } else if (is_short_list(member)) {
                out += " [";
                for (std::size_t i = 0; i < member.size(); ++i) out += (i ? ", " : "") + scalar(member[i]);
                out += "]\n";
            } else {
                out += "\n";
                write(out, member, indent + 2);
            }
        }
        return;
    }
    for (const Json& item : value) {
        if (item.is_structured() && !item.empty()) {
            std::string inner;
            write(inner, item, indent + 2);
            inner.replace(static_cast<std::size_t>(indent), 2, "- ");
            out += inner;
        } else {
            out +=
                pad + "- " + (item.is_structured() ? (item.is_array() ? "[]" : "{}") : scalar(item)) + "\n";
        }
    }
}

} // namespace

std::string show_config(const Config& config)
{
    std::string out;
    for (const std::string& file : config.files) out += "# from " + file + "\n";
    write(out, conf::show_section(conf::root_section(), &config), 0);
    return out;
}

std::string config_schema()
{
    Json schema = conf::section_schema(conf::root_section());
    Json out{{"$schema", "https://json-schema.org/draft/2020-12/schema"}, {"title", "agenthost.yaml"}};
    out.update(schema);
    return out.dump(2) + "\n";
}

} // namespace agenthost::host

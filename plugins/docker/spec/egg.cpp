#include "egg.hpp"

#include "egg_parts.hpp"
#include "refusal.hpp"
#include "rules.hpp"

#include <algorithm>
#include <array>

namespace agenthost::docker {

namespace {

constexpr std::size_t max_startup = 16 << 10, max_name = 256, max_images = 256, max_variables = 512,
                      max_variable_name = 255;
constexpr std::size_t max_value = 16 << 10, max_environment_bytes = 256 << 10, max_denied = 256;

bool is_id_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
}

// Reads one payload. `own_` has the members of the document's form; `egg_` is an egg file, when there is one.
class EggReader {
public:
    explicit EggReader(const Node& payload) : payload_{payload}, own_{payload} {}
    ServerSpec read();

private:
    void choose_form();
    void check_version(const Node& egg);
    void check_members();
    std::optional<Node> find(std::string_view key) const;
    std::optional<Node> in_egg(std::string_view group, std::string_view key) const;

    void read_image();
    void read_startup();
    void read_environment();
    void read_variables();
    void read_life();
    void read_denylist(const Node&);
    void set_variable(const std::string& name, std::string value, const Node&);

    Node payload_, own_;
    std::optional<Node> egg_;
    ServerSpec spec_;
    Notes notes_;
    std::vector<std::pair<std::string, Rules>> rules_; // of the egg's variables
    std::size_t environment_bytes_ = 0;
};

void EggReader::choose_form()
{
    const auto config = payload_.find("eggConfig");
    if (!config) payload_.refuse("eggConfig is missing. Describe the server there, at least its image.");
    static constexpr std::array<std::string_view, 6> marks{"meta",    "docker_images", "images",
                                                           "scripts", "variables",     "startup_commands"};
    const bool is_file = std::any_of(marks.begin(), marks.end(),
                                     [&](std::string_view key) { return config->find(key).has_value(); });
    if (is_file) {
        egg_ = config;
    } else {
        own_ = *config;
        egg_ = config->find("egg");
    }
    if (egg_) check_version(*egg_);
    check_members();
}

void EggReader::check_version(const Node& egg)
{
    static constexpr std::array<std::string_view, 5> known{"PTDL_v1", "PTDL_v2", "PLCN_v1", "PLCN_v2",
                                                           "PLCN_v3"};
    const auto meta = egg.find("meta");
    const auto version = meta ? meta->find("version") : std::nullopt;
    if (!version) return;
    const std::string text = version->line(32);
    if (std::find(known.begin(), known.end(), text) == known.end())
        version->refuse(shown(text) + " is not a supported version. Export the egg as PTDL_v2 or PLCN_v3.");
}

void EggReader::check_members()
{
    const bool whole_payload = own_.path() == payload_.path();
    if (whole_payload)
        check_keys(own_,
                   {"serverId", "eggConfig", "name", "image", "ports", "environment", "limits", "startup",
                    "shell", "stop", "done", "query", "files", "install", "start"},
                   notes_);
    else
        check_keys(own_,
                   {"egg", "name", "description", "image", "ports", "environment", "limits", "startup",
                    "shell", "stop", "done", "query", "files", "install"},
                   notes_);
    if (!whole_payload) check_keys(payload_, {"serverId", "eggConfig", "start"}, notes_);
    if (!egg_) return;
    check_keys(*egg_,
               {"_comment",
                "meta",
                "exported_at",
                "name",
                "author",
                "uuid",
                "description",
                "features",
                "tags",
                "image",
                "icon",
                "docker_image",
                "images",
                "docker_images",
                "file_denylist",
                "startup",
                "startup_commands",
                "config",
                "scripts",
                "variables",
                "update_url",
                "ports",
                "environment",
                "limits",
                "shell",
                "query"},
               notes_);
    if (const auto config = egg_->find("config"))
        check_keys(*config, {"files", "startup", "logs", "stop", "extends"}, notes_);
    if (const auto scripts = egg_->find("scripts")) check_keys(*scripts, {"installation"}, notes_);
}

// A member of the document's form. Some may also appear in an egg file that was completed for one server.
std::optional<Node> EggReader::find(std::string_view key) const
{
    if (auto own = own_.find(key)) return own;
    static constexpr std::array<std::string_view, 5> also_in_egg{"ports", "environment", "limits", "shell",
                                                                 "query"};
    const bool shared = std::find(also_in_egg.begin(), also_in_egg.end(), key) != also_in_egg.end();
    return egg_ && shared ? egg_->find(key) : std::nullopt;
}

std::optional<Node> EggReader::in_egg(std::string_view group, std::string_view key) const
{
    const auto parent = egg_ ? egg_->find(group) : std::nullopt;
    return parent ? parent->find(key) : std::nullopt;
}

void EggReader::read_image()
{
    std::vector<std::pair<std::string, Node>> offered;
    for (const char* key : {"docker_images", "images"}) { // with labels, or a list of images
        const auto images = egg_ ? egg_->find(key) : std::nullopt;
        if (!images) continue;
        if (images->json().is_object())
            offered = images->members(max_images);
        else
            for (const Node& one : images->elements(max_images)) offered.emplace_back("", one);
    }
    for (const char* key : {"docker_image", "image"}) {
        const auto one = egg_ ? egg_->find(key) : std::nullopt;
        // Pelican keeps an icon under "image".
        if (offered.empty() && one && !one->text(max_document_bytes).starts_with("data:"))
            offered.emplace_back("", *one);
    }
    std::optional<Node> chosen = own_.find("image");
    if (!chosen && !offered.empty()) chosen = offered.front().second;
    if (!chosen)
        own_.refuse("image is missing. Name the image to run, such as ghcr.io/pelican-eggs/yolks:java_21.");
    const std::string text = chosen->line(max_image_bytes);
    for (const auto& [label, image] : offered)
        if (!label.empty() && label == text && own_.find("image")) chosen = image;
    spec_.image = parse_image(chosen->line(max_image_bytes), chosen->path());
}

void EggReader::read_startup()
{
    std::optional<Node> startup = own_.find("startup");
    const auto commands = egg_ ? egg_->find("startup_commands") : std::nullopt;
    if (commands) {
        for (const auto& [label, command] : commands->members(max_images))
            if (!startup || (startup->json().is_string() && startup->json() == label)) startup = command;
    }
    if (!startup && egg_) startup = egg_->find("startup");
    if (const auto shell = find("shell")) spec_.startup.shell = shell->flag();
    if (!startup) return;
    if (startup->json().is_string()) {
        spec_.startup.line = startup->line(max_startup);
        return;
    }
    if (spec_.startup.shell)
        startup->refuse("is an array of arguments, which needs no shell. Remove shell, or write a string.");
    for (const Node& one : startup->elements(max_arguments))
        spec_.startup.argv.push_back(one.line(max_startup));
}

void EggReader::set_variable(const std::string& name, std::string value, const Node& node)
{
    check_variable_name(name, node);
    environment_bytes_ += name.size() + value.size() + 2;
    if (environment_bytes_ > max_environment_bytes)
        node.refuse("the environment is larger than " + std::to_string(max_environment_bytes) +
                    " bytes. Use shorter values.");
    spec_.environment[name] = std::move(value);
}

void EggReader::read_variables()
{
    const auto variables = egg_ ? egg_->find("variables") : std::nullopt;
    if (!variables) return;
    for (const Node& variable : variables->elements(max_variables)) {
        check_keys(variable,
                   {"name", "description", "env_variable", "default_value", "user_viewable", "user_editable",
                    "rules", "field_type", "sort"},
                   notes_);
        const auto name = variable.find("env_variable");
        if (!name) variable.refuse("env_variable is missing: the name of the variable.");
        const std::string text = name->line(max_variable_name);
        const auto value = variable.find("default_value");
        set_variable(text, value ? value->scalar(max_value) : std::string{}, *name);
        if (const auto rules = variable.find("rules")) {
            rules_.emplace_back(text, Rules::read(*rules));
            for (const std::string& rule : rules_.back().second.unchecked())
                notes_.add(rules->path(), "the rule " + shown(rule) + " is not checked.");
        }
    }
}

void EggReader::read_environment()
{
    read_variables();
    const auto environment = find("environment");
    if (environment)
        for (const auto& [name, value] : environment->members(max_variables))
            set_variable(name, value.json().is_null() ? std::string{} : value.scalar(max_value), value);
    const std::string path = environment ? environment->path() : member_path(own_.path(), "environment");
    for (const auto& [name, rules] : rules_)
        if (const std::string what = rules.problem(spec_.environment[name]); !what.empty())
            refuse(member_path(path, name), what + ", says the egg.");
}

void EggReader::read_life()
{
    if (const auto stop = own_.find("stop"))
        spec_.stop = read_stop(*stop, notes_);
    else if (const auto egg_stop = in_egg("config", "stop"))
        spec_.stop = read_stop(*egg_stop, notes_);

    if (const auto startup = in_egg("config", "startup"))
        with_nested(*startup, [&](const Node& node) {
            check_keys(node, {"done", "strip_ansi", "userInteraction"}, notes_);
            if (const auto done = node.find("done")) spec_.done = read_done(*done, notes_);
            if (const auto strip = node.find("strip_ansi")) spec_.strip_colors = strip->flag();
        });
    if (const auto done = own_.find("done")) spec_.done = read_done(*done, notes_);

    if (const auto files = in_egg("config", "files"))
        with_nested(*files, [&](const Node& node) { spec_.files = read_config_files(node, notes_); });
    if (const auto files = own_.find("files")) spec_.files = read_config_files(*files, notes_);

    if (const auto script = in_egg("scripts", "installation"))
        spec_.installer = read_installer(*script, notes_);
    if (const auto install = own_.find("install")) spec_.installer = read_installer(*install, notes_);

    if (const auto query = find("query")) spec_.query = read_query(*query, notes_);
    if (const auto denied = egg_ ? egg_->find("file_denylist") : std::nullopt) read_denylist(*denied);
}

// A list; PHP writes one with gaps as an object, and panels write an empty one as "" or {}.
void EggReader::read_denylist(const Node& denied)
{
    if (denied.json() == "") return;
    if (denied.json().is_object()) {
        for (const auto& [index, one] : denied.members(max_denied))
            spec_.file_denylist.push_back(one.line(512));
        return;
    }
    for (const Node& one : denied.elements(max_denied)) spec_.file_denylist.push_back(one.line(512));
}

ServerSpec EggReader::read()
{
    const auto id = payload_.find("serverId");
    if (!id) payload_.refuse("serverId is missing. Give the server an id.");
    spec_.id = id->line(256);
    check_server_id(spec_.id, id->path());
    choose_form();
    auto name = own_.find("name");
    if (!name && egg_) name = egg_->find("name");
    if (name) spec_.name = name->line(max_name);
    read_image();
    if (const auto ports = find("ports")) spec_.ports = read_ports(*ports, notes_);
    if (const auto limits = find("limits")) spec_.limits = read_limits(*limits, notes_);
    read_environment();
    read_startup();
    read_life();
    spec_.notes = notes_.take();
    return std::move(spec_);
}

} // namespace

void check_variable_name(std::string_view name, const Node& node)
{
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    };
    if (name.empty() || name.size() > max_variable_name || !std::all_of(name.begin(), name.end(), fits))
        node.refuse(shown(name) + " is not a variable name. Use 1 to " + std::to_string(max_variable_name) +
                    " letters, digits and _.");
}

void check_server_id(std::string_view id, std::string_view path)
{
    const bool alnum_first =
        !id.empty() && is_id_byte(id.front()) && id.front() != '_' && id.front() != '.' && id.front() != '-';
    if (!alnum_first || id.size() > 64 || !std::all_of(id.begin(), id.end(), is_id_byte))
        refuse(
            path,
            shown(id) +
                " is not a server id. Use 1 to 64 letters, digits, _ . and -, the first a letter or digit.");
    if (id.ends_with("_installer"))
        refuse(path, shown(id) + " ends in _installer, which is reserved. Choose another id.");
}

ServerSpec read_create_server(std::string_view payload)
{
    const Json json = parse_document(payload, "payload");
    if (!json.is_object()) refuse("payload", "must be a JSON object with serverId and eggConfig.");
    return EggReader{Node{json, ""}}.read();
}

} // namespace agenthost::docker

// How a server is installed, known to be ready, and stopped.
#include "egg_parts.hpp"
#include "refusal.hpp"

#include <algorithm>
#include <array>

namespace agenthost::docker {

namespace {

constexpr std::size_t max_script = 256 << 10, max_done = 32, max_done_bytes = 1024, max_command = 1024;

struct Signal {
    std::string_view name, number;
};
constexpr std::array<Signal, 8> signals{{{"SIGTERM", "15"},
                                         {"SIGINT", "2"},
                                         {"SIGQUIT", "3"},
                                         {"SIGHUP", "1"},
                                         {"SIGABRT", "6"},
                                         {"SIGUSR1", "10"},
                                         {"SIGUSR2", "12"},
                                         {"SIGKILL", "9"}}};

// "SIGINT", "INT", "2", and the egg files' "C" for Control-C.
std::string signal_of(const std::string& text, const Node& node)
{
    std::string upper;
    for (const char c : text) upper += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    if (upper == "C") return "SIGINT";
    for (const Signal& signal : signals)
        if (upper == signal.name || upper == signal.name.substr(3) || upper == signal.number)
            return std::string{signal.name};
    node.refuse(shown(text) +
                " is not a stop signal. Use SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGABRT, SIGUSR1, SIGUSR2 or "
                "SIGKILL.");
}

std::string without_carriage_returns(std::string script)
{
    std::string out;
    for (std::size_t i = 0; i < script.size(); ++i) {
        if (script[i] != '\r')
            out += script[i];
        else if (i + 1 == script.size() || script[i + 1] != '\n')
            out += '\n';
    }
    return out;
}

// "bash" or "/bin/bash": found by PATH or absolute, no arguments.
std::string checked_entrypoint(const Node& node)
{
    std::string text = node.line(128);
    const bool good =
        !text.empty() && text.front() != '-' && std::all_of(text.begin(), text.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
                   c == '.' || c == '_' || c == '-';
        });
    if (!good)
        node.refuse(shown(text) + " is not an interpreter. Write a program without arguments, such as bash.");
    return text;
}

} // namespace

void with_nested(const Node& node, const std::function<void(const Node&)>& read)
{
    if (!node.json().is_string()) return read(node);
    const std::string text = node.text(max_document_bytes);
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) return;
    const Json nested = parse_document(text, node.path());
    if (!nested.is_null()) read(Node{nested, node.path()});
}

TextMatch read_text_match(const std::string& text, const Node& node)
{
    constexpr std::string_view marker = "regex:";
    TextMatch match;
    match.text = text;
    if (text.size() > max_done_bytes)
        node.refuse("the text to look for is longer than " + std::to_string(max_done_bytes) + " bytes.");
    if (!text.starts_with(marker) || text.size() == marker.size()) return match;
    std::string why;
    match.regex = Pattern::compile(std::string_view{text}.substr(marker.size()), false, why);
    if (!match.regex)
        node.refuse("the regular expression " + shown(text) + " cannot be used: " + why +
                    ". Rewrite it, or use plain text.");
    return match;
}

std::vector<TextMatch> read_done(const Node& node, Notes& notes)
{
    std::vector<TextMatch> done;
    const auto add = [&](const Node& one) {
        const std::string text = one.line(max_done_bytes);
        if (text.empty())
            notes.add(one.path(), "is empty and would match every line; it is not used.");
        else
            done.push_back(read_text_match(text, one));
    };
    if (node.json().is_string())
        add(node);
    else
        for (const Node& one : node.elements(max_done)) add(one);
    return done;
}

// "stop" is typed; "^C" and "^SIGTERM" are signals, and so is "^^C", as many egg files write it; {"signal":
// "SIGINT", "timeout": 30}; {"command": "stop"}.
Stop read_stop(const Node& node, Notes& notes)
{
    Stop stop;
    if (node.json().is_string()) {
        const std::string text = node.line(max_command);
        if (text.starts_with('^')) {
            const auto signal = text.find_first_not_of('^');
            if (signal != std::string::npos) stop.signal = signal_of(text.substr(signal), node);
        } else {
            stop.command = text;
        }
        return stop;
    }
    check_keys(node, {"signal", "command", "timeout"}, notes);
    if (const auto signal = node.find("signal")) stop.signal = signal_of(signal->scalar(16), *signal);
    if (const auto command = node.find("command")) stop.command = command->line(max_command);
    if (const auto timeout = node.find("timeout"))
        stop.timeout = std::chrono::seconds{timeout->whole(1, 86'400)};
    if (node.find("signal") && !stop.command.empty())
        node.refuse("has both a signal and a command. Keep one.");
    return stop;
}

Query read_query(const Node& node, Notes& notes)
{
    if (node.json().is_object()) {
        check_keys(node, {"type"}, notes);
        const auto type = node.find("type");
        return type ? read_query(*type, notes) : Query::none;
    }
    const std::string text = node.line(32);
    if (text == "none") return Query::none;
    if (text == "minecraft") return Query::minecraft;
    node.refuse(shown(text) + " is not a query type. Use none or minecraft.");
}

std::optional<Installer> read_installer(const Node& node, Notes& notes)
{
    check_keys(node, {"image", "container", "entrypoint", "script"}, notes);
    const auto script = node.find("script");
    if (!script) return std::nullopt;
    Installer installer;
    installer.script = without_carriage_returns(script->text(max_script));
    if (installer.script.find_first_not_of(" \t\n") == std::string::npos) return std::nullopt;
    auto image = node.find("image");
    if (!image) image = node.find("container");
    if (!image) node.refuse("has a script but no image to run it in. Add image.");
    installer.image = parse_image(image->line(max_image_bytes), image->path());
    if (const auto entrypoint = node.find("entrypoint"); entrypoint && entrypoint->json() != "")
        installer.entrypoint = checked_entrypoint(*entrypoint);
    return installer;
}

} // namespace agenthost::docker

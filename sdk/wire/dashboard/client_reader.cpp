// Decoding of dashboards' frames.
#include "client.hpp"

#include "envelope.hpp"
#include "wire/json/numbers.hpp"

#include "base/base64.hpp"

#include <algorithm>
#include <array>

namespace agenthost::wire::dashboard_client {
namespace {

using dashboard::Frame;
using json::Kind;
using json::Member;

constexpr std::size_t max_command = 128 << 10, max_input = 256 << 10, max_path = 4096;
constexpr std::uint64_t max_size = 10'000; // columns, rows
constexpr std::size_t max_topics = 64;
constexpr std::array<std::string_view, 4> priorities{"low", "normal", "high", "urgent"};

bool absent(const Member* member) { return member == nullptr || member->kind == Kind::null; }

struct Rule {
    std::string_view key;
    std::string_view must; // for the error text: "is not ..."
    bool (*holds)(const Member&);
};

bool text(const Member& m, std::size_t most)
{
    return m.kind == Kind::string && m.text.size() <= most && m.text.find('\0') == std::string_view::npos;
}

// The command's members in a command:request. The plugin has its own schema; these rules are checked before a
// command is queued.
constexpr std::array rules{
    Rule{"command", "a command of 1 to 131072 bytes without NUL",
         [](const Member& m) { return text(m, max_command) && !m.text.empty(); }},
    Rule{"argv", "a list", [](const Member& m) { return m.kind == Kind::array; }},
    Rule{"priority", "one of low, normal, high, urgent",
         [](const Member& m) {
             return m.kind == Kind::string &&
                    std::find(priorities.begin(), priorities.end(), m.text) != priorities.end();
         }},
    Rule{"cwd", "a path", [](const Member& m) { return text(m, max_path); }},
    Rule{"env", "an object", [](const Member& m) { return m.kind == Kind::object; }},
    Rule{"timeoutMs", "a number of milliseconds",
         [](const Member& m) {
             std::optional<milliseconds> ignored;
             return read_timeout(&m, ignored);
         }},
    Rule{"pty", "an object {cols, rows} or true",
         [](const Member& m) { return m.kind == Kind::object || m.kind == Kind::boolean; }},
    Rule{"stdin", "a string", [](const Member& m) { return m.kind == Kind::string; }},
    Rule{"stdin_encoding", "utf8 or base64",
         [](const Member& m) { return m.text == "utf8" || m.text == "base64"; }},
    Rule{"input", "true or false", [](const Member& m) { return m.kind == Kind::boolean; }},
    Rule{"run_as", "a user's name", [](const Member& m) { return text(m, 63); }},
    Rule{"max_output", "a number of bytes",
         [](const Member& m) {
             std::uint64_t ignored = 0;
             return read_whole(m, ignored);
         }},
};

bool flag(FieldReader& fields, std::span<const Member> members, std::string_view key)
{
    const Member* member = find(members, key);
    if (absent(member)) return false;
    if (member->kind != Kind::boolean && fields.problem.empty())
        fields.problem = std::string{key} + " is neither true nor false";
    return member->raw == "true";
}

bool base64(FieldReader& fields, std::span<const Member> members)
{
    const Member* member = find(members, "encoding");
    if (absent(member) || member->text == "utf-8" || member->text == "utf8") return false;
    if (member->text != "base64" && fields.problem.empty())
        fields.problem = "encoding is neither utf-8 nor base64";
    return true;
}

// The names in a JSON list; `raw` is valid JSON. false: something else is in it, or too many.
bool read_topics(std::string_view raw, std::vector<std::string_view>& topics)
{
    constexpr std::string_view space = " \t\r\n";
    raw = raw.substr(1, raw.size() - 2);
    while (true) {
        const std::size_t begin = raw.find_first_not_of(space);
        if (begin == std::string_view::npos) return true;
        if (raw[begin] != '"') return false;
        const std::size_t end = raw.find('"', begin + 1);
        const std::string_view name = raw.substr(begin + 1, end - begin - 1);
        // A backslash: an escape, which no name needs.
        if (name.empty() || name.size() > max_length::word || name.find('\\') != std::string_view::npos)
            return false;
        if (topics.size() == max_topics) return false;
        topics.push_back(name);
        const std::size_t comma = raw.find_first_not_of(space, end + 1);
        if (comma == std::string_view::npos) return true;
        raw.remove_prefix(comma + 1);
    }
}

// A refusal with the frame's ids, if readable.
Bad bad(std::string reason, std::span<const Member> members)
{
    Bad out{std::move(reason), {}, {}};
    const auto id = [&](std::string_view key, std::string& into) {
        if (const Member* m = find(members, key); m != nullptr && text(*m, max_length::id)) into = m->text;
    };
    id("commandId", out.command_id);
    id("requestId", out.request_id);
    return out;
}

} // namespace

Message Reader::read(std::string_view frame)
{
    Frame in;
    std::string why;
    const bool good = dashboard::read_frame(frame, scratch_, in, why);
    if (in.type == "error") return Nothing{};
    std::string problem;
    const auto members = json::split(in.payload, problem);
    if (!good) return members ? bad(std::move(why), *members) : Bad{std::move(why), {}, {}};
    if (!members) return Bad{"payload: " + problem, {}, {}};
    FieldReader fields{*members, scratch_};
    Message message = dispatch(in.type, fields, *members);
    if (fields.problem.empty()) return message;
    return bad(std::string{in.type} + ": " + fields.problem, *members);
}

Message Reader::dispatch(std::string_view type, FieldReader& fields, std::span<const Member> members)
{
    if (type == "heartbeat") {
        const Member* sequence = find(members, "sequence");
        if (absent(sequence) || sequence->kind != Kind::number || sequence->raw.size() > max_length::word) {
            fields.problem = "sequence is not a number";
            return Nothing{};
        }
        return Beat{sequence->raw};
    }
    if (type == dashboard::run_word) return ask(fields, members);
    if (type == "command:interrupt") {
        Interrupt interrupt;
        interrupt.command_id = fields.needed("commandId", max_length::id);
        interrupt.request_id = fields.identifier("requestId", max_length::id);
        interrupt.force = flag(fields, members, "force");
        return interrupt;
    }
    if (type == "terminal:input") return input(fields, members);
    if (type == "terminal:resize") return resize(fields, members);
    if (type == "subscribe") return subscribe(fields, members, true);
    if (type == "unsubscribe") return subscribe(fields, members, false);
    if (type == "token:refresh")
        return Refresh{fields.needed("token", max_length::secret),
                       fields.identifier("requestId", max_length::id)};
    if (type == "dashboard:connect") {
        const Member* info = find(members, "clientInfo");
        if (!absent(info) && info->kind != Kind::object) fields.problem = "clientInfo is not an object";
        return Connect{fields.needed("token", max_length::secret),
                       fields.identifier("requestId", max_length::id)};
    }
    if (dashboard::is_notice(type)) return Nothing{};
    fields.problem =
        "there is no such type; a dashboard sends dashboard:connect, command:request, "
        "command:interrupt, terminal:input, terminal:resize, subscribe, unsubscribe, token:refresh "
        "and heartbeat";
    return Nothing{};
}

Message Reader::ask(FieldReader& fields, std::span<const Member> members)
{
    Ask ask;
    ask.agent_id = fields.needed("agentId", max_length::id);
    ask.request_id = fields.identifier("requestId", max_length::id);
    ask.base64 = base64(fields, members);
    if (!fields.problem.empty()) return ask;
    const bool by_text = !absent(find(members, "command")), by_list = !absent(find(members, "argv"));
    if (by_text == by_list) {
        fields.problem = by_text ? "command and argv are two ways to say it; send one" : "command is missing";
        return ask;
    }
    std::string params;
    base::JsonWriter json{params};
    json.object();
    for (const Rule& rule : rules) {
        const Member* member = find(members, rule.key);
        if (absent(member)) continue;
        if (!rule.holds(*member)) {
            fields.problem = std::string{rule.key}.append(" is not ").append(rule.must);
            return ask;
        }
        write_member(json, *member);
    }
    json.end();
    ask.params = std::move(params);
    return ask;
}

Message Reader::input(FieldReader& fields, std::span<const Member> members)
{
    Input input;
    input.command_id = fields.needed("commandId", max_length::id);
    input.request_id = fields.identifier("requestId", max_length::id);
    input.data = fields.text("data", max_input);
    input.base64 = base64(fields, members);
    input.eof = flag(fields, members, "eof");
    std::string decoded;
    if (fields.problem.empty() && input.base64 && !base::append_from_base64(decoded, input.data))
        fields.problem = "data is not base64";
    if (fields.problem.empty() && input.data.empty() && !input.eof) fields.problem = "data is missing";
    return input;
}

Message Reader::resize(FieldReader& fields, std::span<const Member> members)
{
    Resize resize;
    resize.command_id = fields.needed("commandId", max_length::id);
    resize.request_id = fields.identifier("requestId", max_length::id);
    const auto size = [&](std::string_view key) {
        std::uint64_t value = 0;
        const Member* member = find(members, key);
        const bool good = !absent(member) && read_whole(*member, value) && value >= 1 && value <= max_size;
        if (!good && fields.problem.empty())
            fields.problem = std::string{key} + " is not a number from 1 to 10000";
        return static_cast<std::uint16_t>(good ? value : 0);
    };
    resize.columns = size("cols");
    resize.rows = size("rows");
    return resize;
}

Message Reader::subscribe(FieldReader& fields, std::span<const Member> members, bool on)
{
    Subscribe subscribe;
    subscribe.on = on;
    subscribe.agent_id = fields.needed("agentId", max_length::id);
    subscribe.server_id = fields.identifier("serverId", max_length::id);
    subscribe.request_id = fields.identifier("requestId", max_length::id);
    const Member* topics = find(members, "topics");
    const bool good =
        absent(topics) || (topics->kind == Kind::array && read_topics(topics->raw, subscribe.topics));
    if (!good && fields.problem.empty())
        fields.problem = "topics is not a list of at most 64 names of events, such as [\"server_log\"]";
    // "*" is every topic.
    if (std::find(subscribe.topics.begin(), subscribe.topics.end(), "*") != subscribe.topics.end())
        subscribe.topics.clear();
    return subscribe;
}

} // namespace agenthost::wire::dashboard_client

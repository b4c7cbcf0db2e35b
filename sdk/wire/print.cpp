// The agent's end. The server's: print_server.cpp.
#include "print.hpp"

#include "answers.hpp"
#include "codes.hpp"
#include "fields.hpp"
#include "iso8601.hpp"
#include "print_ids.hpp"

#include <algorithm>
#include <array>
#include <deque>

namespace agenthost::wire {
namespace {

using namespace print;

// Words of servers that are no request, and our own words from a peer that mirrors: to answer them might never end.
constexpr std::array<std::string_view, 6> not_requests{"ack",         "register",  "heartbeat",
                                                       "task_result", "log_event", "print_result"};
// Ids of tasks in the flat dialect, so that an answer is written in it even after a restart. No other id of ours begins so.
constexpr std::string_view flat = "flat:";
constexpr char made = '~'; // an id for a task that came without: never written
constexpr std::size_t most_pending =
    16; // settings whose result is still to come; beyond, the oldest has no effect on heartbeats
constexpr milliseconds shortest{1'000}, longest{3'600'000}; // heartbeat interval a server may ask for

// Node's words for what uname says.
std::string_view arch_of(std::string_view machine)
{
    if (machine == "x86_64" || machine == "amd64") return "x64";
    return machine == "aarch64" ? "arm64" : machine;
}

class PrintAgent final : public AgentCodec {
public:
    explicit PrintAgent(AgentSetup setup) : world_{std::move(setup.world)} {}

    Opening opening(const Hello&) override;
    std::string hello(const Hello&) override;
    FromServer decode(std::string_view frame, bool authenticating) override;
    bool encode(const Result&, std::string& out) override;
    bool encode(const Progress&, std::string&) override { return false; }
    bool encode(const Stream&, std::string&) override { return false; }
    bool encode(const Event&, std::string& out) override;
    bool encode(const Heartbeat&, std::string& out) override;
    bool encode(const Metrics&, std::string&) override { return false; }
    bool encode(const Log&, std::string& out) override;
    [[nodiscard]] std::optional<milliseconds> heartbeat_interval() const override { return interval_; }
    [[nodiscard]] bool heartbeat_due() const override { return due_; }

private:
    struct Pending {
        std::string id;
        std::optional<milliseconds> interval;
    };

    FromServer flat_print(std::span<const json::Member>, FieldReader&);
    std::string_view params_of(std::string_view type, std::string_view id, std::span<const json::Member>);
    void expect(std::string_view id, std::string_view params);
    void settle(const Result&);
    bool foreign(std::string_view shop) const
    {
        return !shop.empty() && !agent_id_.empty() && shop != agent_id_;
    }
    static void append_error(const Result&, std::string& out);
    static bool encode_flat(const Result&, std::string& out);

    World world_;
    std::string agent_id_;
    std::deque<Pending> pending_;
    std::optional<milliseconds> interval_;
    std::int64_t config_push_at_ = 0;
    bool due_ = false;
    Scratch scratch_;
    std::string made_id_, memory_, decimal_;
};

// FieldReader's view of what may be absent.
std::string_view raw_of(std::span<const json::Member> members, std::string_view key, json::Kind kind)
{
    const json::Member* const found = find(members, key);
    return found && found->kind == kind ? found->raw : std::string_view{};
}

Opening PrintAgent::opening(const Hello& hello)
{
    agent_id_ = hello.agent_id;
    Opening out;
    if (fits_a_header(hello.agent_id)) out.headers.emplace_back("X-Shop-Id", hello.agent_id);
    if (fits_a_header(hello.version)) out.headers.emplace_back("X-Agent-Version", hello.version);
    if (fits_a_header(hello.credential))
        out.headers.emplace_back("Authorization", std::string{"Bearer "}.append(hello.credential));
    return out;
}

std::string PrintAgent::hello(const Hello& hello)
{
    agent_id_ = hello.agent_id;
    std::string out = R"({"type":"register","payload":{"shopId":)";
    json::append(out, hello.agent_id);
    append_field(out, "version", hello.version, most::id);
    append_field(out, "platform", hello.platform, most::id);
    append_field(out, "arch", arch_of(hello.arch), most::id);
    append_field(out, "hostname", hello.name, most::id);
    out += R"(,"udpPort":null,"capabilities":)";
    out += hello.capabilities.empty() ? "[]" : hello.capabilities;
    out += "}}";
    return out;
}

FromServer PrintAgent::decode(std::string_view frame, bool)
{
    std::string why;
    const auto members = json::split(frame, why);
    if (!members) return Malformed{std::move(why), {}};
    scratch_.begin(frame);
    renew(memory_), renew(decimal_);
    FieldReader fields{*members, scratch_};
    const std::string_view type = fields.needed("type", most::action);
    if (!fields.problem.empty()) return Malformed{std::move(fields.problem), {}};
    if (std::find(not_requests.begin(), not_requests.end(), type) != not_requests.end()) return Nothing{};
    const json::Member* const payload = find(*members, "payload");
    const bool bare = !payload || payload->kind == json::Kind::null;
    if (type == "print" && bare && find(*members, "taskId")) return flat_print(*members, fields);

    const std::string_view outer_id = fields.identifier("id", most::id);
    const std::string_view outer_shop = fields.identifier("shopId", most::id);
    if (!fields.problem.empty()) return Malformed{std::move(fields.problem), outer_id};
    if (!bare && payload->kind != json::Kind::object) return Malformed{"payload is not an object", outer_id};

    // From here on `members` and `fields` are gone: the payload is split.
    const auto inner = json::split(bare ? "{}" : payload->raw, why);
    if (!inner) return Malformed{"payload: " + why, outer_id};
    FieldReader more{*inner, scratch_};
    if (type == "error") { // no request either; one of them says that we are not wanted
        if (more.identifier("code", most::word) != auth_failed) return Nothing{};
        return Welcome{false, more.text("message", most::text)};
    }
    const bool task = type.starts_with(print::task);
    // A task's id stands in the payload first. Elsewhere the payload is the action's: its `id` may mean something else.
    std::string_view id = outer_id;
    if (task || (id.empty() && !raw_of(*inner, "id", json::Kind::string).empty())) {
        const std::string_view inner_id = more.identifier("id", most::id);
        if (!inner_id.empty()) id = inner_id;
    }
    const std::string_view shop = more.identifier("shopId", most::id);
    if (more.problem.empty() && (foreign(outer_shop) || foreign(shop)))
        more.problem = "shopId is not this shop's";
    if (more.problem.empty() && id.empty() && type != task_ping) more.problem = "id is missing";
    if (id.empty() && task) { // answered without an id; anything else without one is not
        made_id_ = made + new_id(world_);
        id = made_id_;
    }

    const json::Member* const updates = find(*inner, "updates");
    if (more.problem.empty() && type == task_config && updates && updates->kind != json::Kind::object)
        more.problem = "updates is not an object";
    if (!more.problem.empty()) return Malformed{std::move(more.problem), id};

    Command command{
        .id = id, .action = type, .params = params_of(type, id, *inner), .target = {}, .timeout = {}};
    if (type == task_config) expect(id, command.params);
    command.params = with_decimal_ids(command.params, decimal_);
    return command;
}

// The payload without what belongs to the envelope. Settings always stand in `updates`, whether they came so or flat.
std::string_view PrintAgent::params_of(std::string_view type, std::string_view id,
                                       std::span<const json::Member> payload)
{
    const json::Member* const own = find(payload, "id");
    const bool envelope =
        type.starts_with(print::task) || (own && own->kind == json::Kind::string && own->text == id);
    const std::array<std::string_view, 2> skip{"shopId", envelope ? "id" : "shopId"};
    const std::string_view params = scratch_.object(payload, skip);
    if (type != task_config || find(payload, "updates")) return params;
    memory_ = R"({"updates":)";
    memory_ += params;
    memory_ += '}';
    return memory_;
}

// Settings are on their way to whoever keeps them: when that succeeds, what they say about heartbeats holds.
void PrintAgent::expect(std::string_view id, std::string_view params)
{
    std::string why;
    const auto inside = [&why](std::string_view object, std::string_view key, json::Kind kind) {
        const auto members = object.empty() ? std::nullopt : json::split(object, why);
        return members ? raw_of(*members, key, kind) : std::string_view{};
    };
    const std::string_view updates = inside(params, "updates", json::Kind::object);
    const std::string_view telemetry = inside(updates, "telemetry", json::Kind::object);
    auto interval = from_seconds(inside(telemetry, "intervalSeconds", json::Kind::number));
    if (interval) interval = std::clamp(*interval, shortest, longest);
    if (pending_.size() == most_pending) pending_.pop_front();
    pending_.push_back({std::string{id}, interval});
}

// Seen in the field: {"type":"print","taskId","printerIP","port","data","encoding"}, all at the top level.
FromServer PrintAgent::flat_print(std::span<const json::Member> members, FieldReader& fields)
{
    const std::string_view task_id = fields.needed("taskId", most::id - flat.size());
    if (fields.problem.empty()) made_id_.assign(flat).append(task_id);
    const std::string_view id = fields.problem.empty() ? std::string_view{made_id_} : std::string_view{};
    if (foreign(fields.identifier("shopId", most::id))) fields.problem = "shopId is not this shop's";
    if (!fields.problem.empty()) return Malformed{std::move(fields.problem), id};

    static constexpr std::array<std::string_view, 6> taken{"type",   "taskId",    "id",
                                                           "shopId", "printerIP", "port"};
    const json::Member* const address = find(members, "printerIP");
    const json::Member* const port = find(members, "port");
    memory_ = '{';
    if (address && address->kind != json::Kind::null) {
        memory_.append(R"("printer":{"ip":)").append(address->raw);
        if (port && port->kind != json::Kind::null) memory_.append(R"(,"port":)").append(port->raw);
        memory_ += '}';
    }
    for (const json::Member& member : members) {
        if (std::find(taken.begin(), taken.end(), member.key) != taken.end()) continue;
        if (memory_.size() > 1) {
            if (address && address->kind != json::Kind::null && member.key == "printer") continue; // twice
            memory_ += ',';
        }
        memory_.append(member.key_raw).append(":").append(member.raw);
    }
    memory_ += '}';
    const std::string_view params = with_decimal_ids(memory_, decimal_);
    return Command{.id = id, .action = task_print, .params = params, .target = {}, .timeout = {}};
}

void PrintAgent::settle(const Result& result)
{
    const auto found = std::find_if(pending_.begin(), pending_.end(),
                                    [&](const Pending& pending) { return pending.id == result.id; });
    const bool settings = found != pending_.end() || result.action == task_config; // one of before a restart
    if (settings && result.outcome == Outcome::success) {
        if (found != pending_.end() && found->interval) interval_ = found->interval;
        config_push_at_ = now(world_);
        due_ = true;
    }
    if (found != pending_.end()) pending_.erase(found);
}

bool PrintAgent::encode(const Result& result, std::string& out)
{
    settle(result);
    if (result.id.starts_with(flat)) return encode_flat(result, out);
    const bool has_id = !result.id.empty() && result.id.front() != made;
    const bool success = result.outcome == Outcome::success;
    const bool ponged = success && result.action == task_ping;
    out += R"({"type":"task_result")";
    if (has_id) append_field(out, "id", result.id, most::id);
    out += R"(,"payload":{)";
    if (has_id) {
        out += R"("id":)";
        json::append(out, clip(result.id, most::id));
        out += ',';
    }
    out += success ? ponged ? R"("status":"pong","message":)" : R"("status":"success","message":)"
                   : R"("status":"error","message":)";
    if (!success) {
        append_error(result, out);
    } else {
        std::string message, rest;
        std::string_view data = result.data;
        if (cut_message(data, message, rest)) {
            out += message;
            data = rest;
        } else {
            json::append(out, ponged ? pong : nothing_to_say);
        }
        if (!data.empty()) {
            out += R"(,"meta":)";
            out += data;
        }
    }
    out += "}}";
    return true;
}

void PrintAgent::append_error(const Result& result, std::string& out)
{
    const Error& error = result.error;
    const std::string_view code = error.code.empty() ? code::internal : error.code;
    json::append(out, clip(error.message.empty() ? code : error.message, most::text));
    append_field(out, "code", code, most::word);
    append_field(out, "detail", error.detail, most::text);
    // Whether paper may have been touched matters more than any code: "unknown" is always said.
    const bool says_outcome = result.outcome != outcome_of(code);
    if (!says_outcome && error.data.empty()) return;
    out += R"(,"meta":)";
    if (!says_outcome && is_object(error.data)) {
        out += error.data;
        return;
    }
    std::string members;
    if (says_outcome) append_field(members, "outcome", outcome_word(result.outcome), most::word);
    std::string why;
    const auto own = is_object(error.data) ? json::split(error.data, why) : std::nullopt;
    if (own) {
        for (const json::Member& member : *own) {
            if (member.key != "outcome")
                members.append(",").append(member.key_raw).append(":").append(member.raw);
        }
    } else if (!error.data.empty()) {
        members.append(R"(,"data":)").append(error.data);
    }
    members.front() = '{'; // was the first comma
    out += members;
    out += '}';
}

bool PrintAgent::encode_flat(const Result& result, std::string& out)
{
    out += R"({"type":"print_result")";
    append_field(out, "taskId", result.id.substr(flat.size()), most::id);
    if (result.outcome == Outcome::success) {
        out += R"(,"success":true)";
        std::string why;
        const auto members = is_object(result.data) ? json::split(result.data, why) : std::nullopt;
        const std::string_view sent =
            members ? raw_of(*members, "bytesSent", json::Kind::number) : std::string_view{};
        if (!sent.empty()) out.append(R"(,"bytesSent":)").append(sent);
    } else {
        const Error& error = result.error;
        out += R"(,"success":false)";
        append_field(out, "error", error.message.empty() ? error.code : error.message, most::text);
        append_field(out, "code", error.code, most::word);
        if (result.outcome != outcome_of(error.code))
            append_field(out, "outcome", outcome_word(result.outcome), most::word);
    }
    out += '}';
    return true;
}

bool PrintAgent::encode(const Event& event, std::string& out)
{
    std::string why;
    std::string level{R"("info")"}, message; // what people read: the event's own words, when it has some
    json::append(message, clip(event.topic, most::action));
    if (is_object(event.json)) {
        if (const auto members = json::split(event.json, why)) {
            const std::string_view own_level = raw_of(*members, "level", json::Kind::string);
            const std::string_view own_message = raw_of(*members, "message", json::Kind::string);
            if (!own_level.empty() && own_level.size() <= most::word) level = own_level;
            if (own_message.size() > 2 && own_message.size() <= most::text) message = own_message;
        }
    }
    out += R"({"type":"log_event","payload":{"level":)";
    out += level;
    out += R"(,"message":)";
    out += message;
    out += R"(,"timestamp":)";
    append_iso8601(out, event.at != 0 ? event.at : now(world_));
    append_field(out, "event", event.topic, most::action);
    append_field(out, "target", event.target, most::id);
    out += R"(,"data":)";
    out += event.json.empty() ? "{}" : event.json;
    out += "}}";
    return true;
}

bool PrintAgent::encode(const Log& log, std::string& out)
{
    out += R"({"type":"log_event","payload":{"level":)";
    json::append(out, clip(log.level.empty() ? "info" : log.level, most::word));
    out += R"(,"message":)";
    json::append(out, clip(log.message, most::text));
    out += R"(,"timestamp":)";
    append_iso8601(out, log.at != 0 ? log.at : now(world_));
    append_field(out, "source", log.source, most::id);
    out += "}}";
    return true;
}

bool PrintAgent::encode(const Heartbeat& beat, std::string& out)
{
    std::string why;
    const auto facts = json::split(beat.facts.empty() ? "{}" : beat.facts, why);
    const auto fact = [&](std::string_view key, std::string_view otherwise) {
        const json::Member* const found = facts ? find(*facts, key) : nullptr;
        return found && found->kind != json::Kind::null ? found->raw : otherwise;
    };
    const std::string_view status = fact("agent_status", R"("healthy")");
    const std::string_view uptime = fact("uptime", {}), load = fact("system_load", {});
    out += R"({"type":"heartbeat","payload":{"shopId":)";
    json::append(out, clip(agent_id_, most::id));
    if (!uptime.empty()) out.append(R"(,"uptime":)").append(uptime);
    out.append(R"(,"devices":)").append(fact("devices", "[]"));
    out.append(R"(,"telemetry":{"logs":)").append(fact("logs", "[]"));
    out.append(R"(,"status":)").append(status == R"("healthy")" ? R"("online")" : status);
    if (!load.empty()) out.append(R"(,"systemLoad":)").append(load);
    out += '}';
    if (due_) {
        out += R"(,"config_push_at":)";
        append_iso8601(out, config_push_at_);
        due_ = false;
    }
    out += "}}";
    return true;
}

} // namespace

std::unique_ptr<AgentCodec> make_print_agent(AgentSetup setup)
{
    return std::make_unique<PrintAgent>(std::move(setup));
}

} // namespace agenthost::wire

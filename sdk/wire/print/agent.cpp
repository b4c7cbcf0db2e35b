#include "agent.hpp"

#include "binary.hpp"
#include "ids.hpp"
#include "wire/session/answers.hpp"

#include <algorithm>
#include <array>

namespace agenthost::wire {
namespace print {
namespace {

// Server frames that are not requests, and our own types from a peer that echoes: answering them could loop.
constexpr std::array<std::string_view, 6> not_requests{"ack",         "register",  "heartbeat",
                                                       "task_result", "log_event", "print_result"};
// Max consecutive answers to frames without an id that are not tasks, because a peer that answers our errors
// could loop.
constexpr int max_strays = 8;
// Settings without a result yet; beyond it the oldest is ignored for heartbeats.
constexpr std::size_t max_pending = 16;
// Bounds of the heartbeat interval a server may request.
constexpr milliseconds min_beat{1'000}, max_beat{3'600'000};

} // namespace

FromServer PrintAgent::decode(std::string_view frame, bool)
{
    std::string why;
    const auto members = json::split(frame, why);
    if (!members) return Malformed{std::move(why), {}};
    scratch_.begin(frame);
    renew(memory_), renew(decimal_);
    FieldReader fields{*members, scratch_};
    const std::string_view type = fields.needed("type", max_length::action);
    if (!fields.problem.empty()) return Malformed{std::move(fields.problem), {}};
    if (std::find(not_requests.begin(), not_requests.end(), type) != not_requests.end()) return Nothing{};
    const json::Member* const payload = find(*members, "payload");
    const bool bare = !payload || payload->kind == json::Kind::null;
    if (type == "print" && bare && find(*members, "taskId")) return flat_print(*members, fields);

    const std::string_view outer_id = envelope_id(*members, fields);
    const std::string_view outer_shop = fields.identifier("shopId", max_length::id);
    if (!fields.problem.empty()) return Malformed{std::move(fields.problem), outer_id};
    if (!bare && payload->kind != json::Kind::object) return Malformed{"payload is not an object", outer_id};

    const auto inner = json::split(bare ? "{}" : payload->raw, why);
    if (!inner) return Malformed{"payload: " + why, outer_id};
    FieldReader more{*inner, scratch_};
    if (type == "error") { // not a request either; one of them rejects us
        if (more.identifier("code", max_length::word) != auth_failed) return Nothing{};
        return Welcome{false, more.text("message", max_length::text)};
    }
    const bool task = type.starts_with(print::task);
    // A task's id is taken from the payload first. In other frames the payload has the action's parameters,
    // where `id` may differ.
    std::string_view id = outer_id;
    if (task || (id.empty() && !raw_of(*inner, "id", json::Kind::string).empty())) {
        const std::string_view inner_id = more.identifier("id", max_length::id);
        if (!inner_id.empty()) id = inner_id;
    }
    const std::string_view shop = more.identifier("shopId", max_length::id);
    if (more.problem.empty() && (foreign(outer_shop) || foreign(shop)))
        more.problem = "shopId is not this shop's";
    if (more.problem.empty() && id.empty() && type != task_ping) more.problem = "id is missing";
    if (!id.empty()) {
        strays_ = 0;
    } else if (task || ++strays_ <= max_strays) { // answered although it has no id
        made_id_.assign(made).append(new_id(environment_));
        id = made_id_;
    }

    const json::Member* const updates = find(*inner, "updates");
    if (more.problem.empty() && type == task_config && updates && updates->kind != json::Kind::object)
        more.problem = "updates is not an object";
    if (!more.problem.empty()) return Malformed{std::move(more.problem), id};

    Command command{
        .id = id, .action = type, .params = params_of(type, id, *inner), .target = {}, .timeout = {}};
    if (type == task_print && AnnouncedBytes::announces(*inner)) { // decode_binary() completes it
        std::string problem = announced_.add(id, command.params, *inner);
        if (problem.empty()) return Nothing{};
        return Malformed{std::move(problem), id};
    }
    if (type == task_config) expect(id, command.params);
    command.params = with_decimal_ids(command.params, decimal_);
    return command;
}

std::optional<FromServer> PrintAgent::decode_binary(std::string_view frame)
{
    const auto found = read_binary(frame);
    if (!found) return std::nullopt;
    renew(memory_), renew(decimal_);
    made_id_ = found->id;
    switch (announced_.take(made_id_, found->bytes, memory_)) {
    case AnnouncedBytes::Taken::not_announced: return std::nullopt;
    case AnnouncedBytes::Taken::not_as_announced:
        return Malformed{"the binary frame does not have the announced length and sha256", made_id_};
    case AnnouncedBytes::Taken::complete: break;
    }
    return Command{.id = made_id_,
                   .action = task_print,
                   .params = with_decimal_ids(memory_, decimal_),
                   .target = {},
                   .timeout = {}};
}

// The payload without the envelope's members. Settings are always put into `updates`, nested or flat.
std::string_view PrintAgent::params_of(std::string_view type, std::string_view id,
                                       std::span<const json::Member> payload)
{
    const json::Member* const own = find(payload, "id");
    const bool envelope =
        type.starts_with(print::task) || (own && own->kind == json::Kind::string && own->text == id);
    const std::array<std::string_view, 2> skip{"shopId", envelope ? "id" : "shopId"};
    const std::string_view params = scratch_.object(payload, skip);
    if (type != task_config || find(payload, "updates")) return params;
    memory_.clear();
    base::JsonWriter{memory_}.object().member("updates", base::RawJson{params}).end();
    return memory_;
}

// Remembers a settings command: if it succeeds, its heartbeat settings take effect.
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
    if (interval) interval = std::clamp(*interval, min_beat, max_beat);
    if (pending_.size() == max_pending) pending_.erase(pending_.begin());
    pending_.push_back({std::string{id}, interval});
}

// Seen in the field: {"type":"print","taskId","printerIP","port","data","encoding"}, all at the top level.
FromServer PrintAgent::flat_print(std::span<const json::Member> members, FieldReader& fields)
{
    const std::string_view task_id = fields.needed("taskId", max_length::id - flat.size());
    if (fields.problem.empty()) made_id_.assign(flat).append(task_id);
    const std::string_view id = fields.problem.empty() ? std::string_view{made_id_} : std::string_view{};
    if (foreign(fields.identifier("shopId", max_length::id))) fields.problem = "shopId is not this shop's";
    if (!fields.problem.empty()) return Malformed{std::move(fields.problem), id};

    const auto given = [&](std::string_view key) {
        const json::Member* const found = find(members, key);
        return found && found->kind != json::Kind::null ? found->raw : std::string_view{};
    };
    static constexpr std::array<std::string_view, 7> taken{"type", "taskId",    "id",     "shopId",
                                                           "port", "printerIP", "printer"};
    const std::string_view address = given("printerIP"), port = given("port"), printer = given("printer");
    base::JsonWriter json{memory_};
    json.object();
    if (!address.empty()) {
        json.object("printer").member("ip", base::RawJson{address});
        if (!port.empty()) json.member("port", base::RawJson{port});
        json.end();
    } else if (!printer.empty()) {
        json.member("printer", base::RawJson{printer});
    }
    for (const json::Member& member : members)
        if (std::find(taken.begin(), taken.end(), member.key) == taken.end()) write_member(json, member);
    json.end();
    const std::string_view params = with_decimal_ids(memory_, decimal_);
    return Command{.id = id, .action = task_print, .params = params, .target = {}, .timeout = {}};
}

} // namespace print

std::unique_ptr<AgentCodec> make_print_agent(AgentSetup setup)
{
    return std::make_unique<print::PrintAgent>(std::move(setup));
}

} // namespace agenthost::wire

#include "result.hpp"

#include "envelope.hpp"
#include "wire/codes.hpp"
#include "wire/json/canonical.hpp"
#include "wire/session/outcomes.hpp"

#include <array>

namespace agenthost::wire::dashboard {
namespace {

struct Reason {
    std::string_view word, code;
};
// Maps a reason to a code if the frame has none, and a code to its reason.
constexpr std::array reasons{Reason{"timeout", code::timeout}, Reason{"agent_lost", code::interrupted},
                             Reason{"interrupted", code::cancelled}};

std::string_view reason_of(std::string_view code)
{
    if (code == code::timeout) return "timeout";
    return code == code::interrupted || code == code::cancelled ? "interrupted" : std::string_view{};
}

std::string_view code_of(std::string_view reason)
{
    for (const Reason& each : reasons) {
        if (each.word == reason) return each.code;
    }
    return code::internal;
}

std::string number_of(const json::Member* member)
{
    std::string out;
    if (member && member->kind == json::Kind::number) json::append_number(out, json::number(member->raw));
    return out;
}

// The result's data, built from the wire's members.
std::string data_of(bool completed, std::string_view exit_code, std::string_view reason)
{
    if (exit_code.empty()) return {};
    std::string out;
    base::JsonWriter json{out};
    json.object().member("exit_code", base::RawJson{exit_code});
    write_field(json, "reason", completed ? "exit" : reason, max_length::word);
    json.end();
    return out;
}

} // namespace

Outcome run_outcome(std::string_view word, std::string_view code)
{
    const Outcome outcome = outcome_of(word, code);
    return code == code::timeout && outcome == Outcome::error ? Outcome::unknown : outcome;
}

RunEnd run_end(const Result& result)
{
    const bool success = result.outcome == Outcome::success;
    const std::string_view data = success ? result.data : result.error.data;
    RunEnd end;
    std::string why;
    if (const auto members = data.empty() ? std::nullopt : json::split(data, why)) {
        end.exit_code = number_of(find(*members, "exit_code"));
        if (const json::Member* reason = find(*members, "reason"))
            end.reason = clip(reason->text, max_length::word);
    }
    end.completed = success && (end.exit_code.empty() || end.exit_code == "0") &&
                    (end.reason.empty() || end.reason == "exit");
    if (!success) {
        end.code = result.error.code.empty() ? code::internal : result.error.code;
    } else if (end.reason == "timeout") {
        end.code = code::timeout;
    }
    if (end.reason.empty() && !end.completed) end.reason = success ? "exit" : reason_of(end.code);
    end.with_data = !data.empty() && data != data_of(end.completed, end.exit_code, end.reason);
    return end;
}

void write_run_end(base::JsonWriter& json, const Result& result, const RunEnd& end)
{
    if (!end.exit_code.empty()) json.member("exitCode", base::RawJson{end.exit_code});
    if (!end.completed) write_field(json, "reason", end.reason, max_length::word);
    if (!end.code.empty()) {
        const bool timed_out = result.outcome == Outcome::success; // not reported as an error
        const std::string_view message = timed_out                      ? "The command did not end in time"
                                         : result.error.message.empty() ? end.code
                                                                        : result.error.message;
        write_field(json, "code", wire_code(end.code), max_length::word);
        write_field(json, "message", message, max_length::text);
        write_field(json, "detail", result.error.detail, max_length::text);
        if (!timed_out && run_outcome(to_string(result.outcome), end.code) != run_outcome({}, end.code))
            json.member("outcome", to_string(result.outcome));
    }
    if (end.with_data)
        json.member("data",
                    base::RawJson{result.outcome == Outcome::success ? result.data : result.error.data});
}

Result read_run_end(FieldReader& fields, std::span<const json::Member> members, bool completed,
                    std::string& memory)
{
    Result result;
    result.action = run_word;
    result.id = fields.needed("commandId", max_length::id);
    const std::string exit_code = number_of(find(members, "exitCode"));
    const std::string_view reason = fields.identifier("reason", max_length::word);
    const std::string_view code = fields.identifier("code", max_length::word);
    memory = data_of(completed, exit_code, reason);
    std::string_view data = fields.raw("data");
    if (data.empty()) data = memory;
    const bool ran = code.empty() && reason != "timeout" && !data.empty();
    if (completed || ran) {
        result.data = data;
        return result;
    }
    result.error.code = code.empty() ? code_of(reason) : our_code(code);
    result.error.message = fields.text("message", max_length::text);
    if (result.error.message.empty()) result.error.message = result.error.code;
    result.error.detail = fields.text("detail", max_length::text);
    result.error.data = data;
    result.outcome = run_outcome(fields.identifier("outcome", max_length::word), result.error.code);
    return result;
}

} // namespace agenthost::wire::dashboard

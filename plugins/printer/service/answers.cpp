#include "answers.hpp"

#include "base/iso8601.hpp"
#include "base/json_writer.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <chrono>
#include <ctime>

namespace agenthost::printer::service {

namespace {

using job::Outcome;

void write_members(base::JsonWriter& json, const store::Job& job, const Printer* printer)
{
    json.member("outcome", job::to_string(job.progress.outcome)).member("bytesSent", job.progress.taken);
    json.member("job", job.id);
    if (job.copy_of != 0) json.member("copyOf", job.copy_of);
    json.object("printer").member("name", job.printer);
    if (printer != nullptr && !printer->alias.empty()) json.member("alias", printer->alias);
    if (printer != nullptr && printer->address)
        json.member("ip", printer->address->host).member("port", printer->address->port);
    else if (printer != nullptr)
        json.member("vendorId", printer->vendor).member("productId", printer->product);
    json.end();
    // An object of ours: its members join.
    if (job.meta.size() > 2) json.raw_members(std::string_view{job.meta}.substr(1, job.meta.size() - 2));
}

std::string kept(job::JobId id)
{
    return "job " + std::to_string(id) +
           " stays in the queue. Send the same id again for its answer, or look at printer.queue.";
}

} // namespace

void answer_job(Request& request, const store::Job& job, const Printer* printer)
{
    const Outcome outcome = job.progress.outcome;
    std::string body;
    {
        base::JsonWriter json{body};
        json.object();
        if (outcome == Outcome::printed) json.member("message", "Printed");
        if (outcome == Outcome::sent) json.member("message", "Sent, not confirmed");
        write_members(json, job, printer);
        json.end();
    }
    if (outcome == Outcome::printed || outcome == Outcome::sent) {
        request.reply(body);
        return;
    }
    const Problem& why = job.progress.problem;
    request.fail(why.code, why.message, {}, outcome == Outcome::unknown ? outcome_unknown : not_started,
                 body);
}

void answer_late(Request& request, job::JobId id)
{
    // Not final for the journal: the same id comes to us again, and finds its job.
    request.fail("TIMEOUT", "the deadline has passed; " + kept(id), {}, not_started);
}

void answer_unknown_repeat(Request& request)
{
    const Problem why = problem(code::outcome_unknown, "The job was sent before the agent ended");
    request.fail(why.code, why.message, {}, outcome_unknown, base::json_object("outcome", "unknown"));
}

void answer_stopping(Request& request, job::JobId id)
{
    request.fail("INTERRUPTED", "the agent stops; " + kept(id), {}, outcome_unknown,
                 base::json_object("outcome", "unknown", "job", id));
}

void answer_cancel(Request& request, job::JobId id, const job::Progress& end)
{
    const std::string outcome = job::to_string(end.outcome);
    const std::string data = base::json_object("job", id, "outcome", outcome, "bytesSent", end.taken);
    if (end.outcome == Outcome::printed || end.outcome == Outcome::sent) {
        request.fail("CONFLICT", "the printer had the whole job before it could be cancelled", {}, 0, data);
        return;
    }
    const std::string message = end.outcome == Outcome::unknown ? end.problem.message : "Cancelled";
    request.reply(
        base::json_object("message", message, "job", id, "outcome", outcome, "bytesSent", end.taken));
}

void throw_if(const Problem& problem)
{
    if (!problem.code.empty()) throw Error{problem.code, problem.message};
}

void write_job(base::JsonWriter& json, const store::Job& job, const Printer* printer)
{
    json.object().member("job", job.id).member("kind", job.kind).member("server", job.server);
    if (!job.task.empty()) json.member("task", job.task);
    json.member("printer", printer != nullptr ? printer->label() : job.printer);
    json.member("state", job::to_string(job.progress.state)).member("size", job.size);
    json.member("bytesSent", job.progress.taken).member("created", base::iso8601(job.created_ms));
    if (job.copy_of != 0) json.member("copyOf", job.copy_of);
    if (job.progress.state == job::State::ended) {
        json.member("outcome", job::to_string(job.progress.outcome))
            .member("ended", base::iso8601(job.ended_ms));
        if (!job.progress.problem.code.empty())
            json.member("code", job.progress.problem.code).member("message", job.progress.problem.message);
    }
    json.end();
}

std::string job_event(const store::Job& job, const Printer& printer)
{
    const Outcome outcome = job.progress.outcome;
    const bool good = outcome == Outcome::printed || outcome == Outcome::sent;
    std::string out;
    base::JsonWriter json{out};
    json.object().member("level", good ? "info" : "warn");
    json.member("message", "Job " + std::to_string(job.id) + " on printer " + printer.label() + ": " +
                               job::to_string(outcome));
    if (!job.task.empty()) json.member("task", job.task);
    write_members(json, job, &printer);
    json.end();
    return out;
}

std::string code_of(job::Trouble trouble)
{
    using job::Trouble;
    switch (trouble) {
    case Trouble::none: return {};
    case Trouble::absent: return "PRINTER_ABSENT";
    case Trouble::unreachable: return "PRINTER_UNREACHABLE";
    case Trouble::busy: return code::printer_busy;
    case Trouble::denied: return code::permission_denied;
    case Trouble::unsupported: return "PRINTER_UNSUPPORTED";
    case Trouble::offline: return code::printer_offline;
    case Trouble::cover_open: return "COVER_OPEN";
    case Trouble::paper_out: return "PAPER_OUT";
    case Trouble::fault: return "PRINTER_FAULT";
    case Trouble::no_progress: return "NO_PROGRESS";
    case Trouble::stalled: return "USB_STALLED";
    case Trouble::disk: return code::disk_error;
    }
    return code::internal;
}

std::string dumped(const nlohmann::json& json)
{
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::int64_t now_ms()
{
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::string local_time(std::int64_t ms)
{
    const std::time_t seconds = ms / 1'000;
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    std::array<char, 20> text{};
    return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M", &parts)};
}

} // namespace agenthost::printer::service

// The answers to requests about jobs, as JSON. Pure but for the request that is answered.
#pragma once

#include "printers.hpp"

#include "plugins/printer/store/store.hpp"

#include <agenthost/request.hpp>

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>

namespace agenthost::printer::service {

// {"message":"Printed","outcome":"printed","bytesSent":1234,"job":17,"printer":{...}}, or an error whose
// outcome is not_started (the same id may run again) or unknown.
void answer_job(Request&, const store::Job&, const Printer*);
// The caller's deadline has passed; the job goes on.
void answer_late(Request&, job::JobId);
// It ran before, and has no id by which its job could be found.
void answer_unknown_repeat(Request&);
// printer.cancel, when the job has ended: {"message":"Cancelled","job":17,"outcome":"not_started"}; the outcome is
// unknown if a part of it was sent, and CONFLICT if it was printed nevertheless.
void answer_cancel(Request&, job::JobId, const job::Progress&);
// The agent stops; the job goes on when it is back.
void answer_stopping(Request&, job::JobId);

// Of what was not begun when the agent stops.
inline constexpr const char* stopping_text = "the agent is stopping; send it again when it is back";

// Throws the problem, if it is one, as the request's Error.
void throw_if(const Problem&);

// An element of printer.queue.
void write_job(base::JsonWriter&, const store::Job&, const Printer*);
// The event printer.job_ended: the outcome of a job that nobody waits for.
std::string job_event(const store::Job&, const Printer&);

// The code of a heartbeat's lastError: "PAPER_OUT".
std::string code_of(job::Trouble);
std::string dumped(const nlohmann::json&);
std::int64_t now_ms();                   // UTC
std::string local_time(std::int64_t ms); // "2025-11-09 21:23"

} // namespace agenthost::printer::service

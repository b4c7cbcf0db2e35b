#include "job.hpp"

#include "job_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace agenthost::terminal {

namespace {

constexpr std::uint64_t all_of_it = ~std::uint64_t{0};

} // namespace

Job::Job(JobOwner& owner, const CommandParts& parts, terminal::Command command)
    : owner_{owner}, loop_{parts.loop}, command_{std::move(command)},
      execution_{*this, parts, command_, readers_}, readers_{parts.loop, execution_.io().outputs(), *this,
                                                             command_.config->wait}
{
    // Drop data that is no longer needed, because it may contain secrets.
    command_.params.env.clear();
    command_.params.argv.clear();
    command_.params.command.clear();
}

bool Job::settled() const { return state_ == State::ended && readers_.empty() && !execution_.has_process(); }

// ---- readers ----

void Job::add_runner(Request request)
{
    const std::uint64_t configured = command_.config->max_output;
    Reader& reader = readers_.add(
        std::move(request), {0, 0},
        std::min(command_.params.max_output.value_or(all_of_it), configured != 0 ? configured : all_of_it));
    readers_.runs_it(reader);
    listen_to(reader);
}

void Job::attach(Request request, const AttachParams& params)
{
    Reader& reader = readers_.add(std::move(request), {params.offset, params.stderr_offset}, all_of_it);
    const Outputs& outputs = execution_.io().outputs();
    if (!params.follow)
        for (std::size_t i = 0; i < outputs.size(); ++i) reader.until[i] = outputs[i] ? outputs[i]->end() : 0;
    listen_to(reader);
    readers_.serve();
}

// The host calls from its own thread.
void Job::listen_to(Reader& reader)
{
    const agh_req id = reader.request.id();
    reader.request.on_writable([&loop = loop_, weak = weak_from_this(), id] {
        loop.post([weak, id] {
            if (const JobPtr job = weak.lock()) job->readers_.writable(id);
        });
    });
    reader.request.on_cancel([&loop = loop_, weak = weak_from_this(), id] {
        loop.post([weak, id] {
            if (const JobPtr job = weak.lock()) job->cancel(id);
        });
    });
}

void Job::cancel(agh_req id)
{
    Reader* reader = readers_.find(id);
    if (!reader) return;
    const bool runs_it = reader == readers_.runner();
    if (runs_it && state_ == State::queued) return owner_.cancelled(*this);
    if (runs_it && state_ == State::running) {
        const auto deadline = reader->request.deadline();
        return interrupt(deadline && Clock::now() >= *deadline ? Reason::timeout : Reason::interrupted,
                         false);
    }
    readers_.refuse(*reader, "CANCELLED", "cancelled; the command goes on");
}

std::string Job::result(const Reader& reader, bool runs_it) const
{
    return result_json(*this, reader, runs_it);
}

void Job::hold(bool on) { execution_.hold(on); }

void Job::reader_left()
{
    if (settled()) owner_.settled();
}

void Job::abandon() { readers_.refuse_all("INTERRUPTED", "the agent stopped before the command had ended"); }

// ---- life cycle ----

void Job::report_queued(std::size_t position)
{
    Reader* runner = readers_.runner();
    if (!runner) return;
    nlohmann::json json{{"status", "queued"}, {"commandId", command_.id}};
    if (position > 0) json["position"] = position;
    runner->request.progress(dump(json));
}

void Job::never_ran(Reason reason)
{
    execution_.never_ran(reason);
    state_ = State::ended;
    readers_.complete();
}

void Job::start()
{
    state_ = State::running;
    if (Reader* runner = readers_.runner())
        runner->request.progress(dump({{"status", "running"}, {"commandId", command_.id}}));
    if (execution_.start()) owner_.started(*this);
}

void Job::interrupt(Reason reason, bool force)
{
    if (state_ == State::running) execution_.interrupt(reason, force);
}

void Job::failed(std::string_view code, const std::string& why, std::uint32_t how)
{
    state_ = State::ended;
    readers_.refuse_all(code, why, how);
    readers_.complete(); // for readers that attach later
}

void Job::finished()
{
    state_ = State::ended;
    readers_.complete();
}

} // namespace agenthost::terminal

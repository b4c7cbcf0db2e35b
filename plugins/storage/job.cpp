#include "job.hpp"

#include "base/json_writer.hpp"
#include "base/sqlite.hpp"

#include <exception>
#include <stdexcept>

namespace agenthost::storage {

using std::chrono::milliseconds;

Job::Job(const Parts& parts, Request request) : parts_{parts}, request_{std::move(request)}
{
    request_.on_cancel([this] {
        cancel().set();
        parts_.pool.run_cancelled();
    });
}

void Job::run(Ticket ticket)
{
    ticket_ = ticket;
    std::string reply;
    MaybeProblem failed;
    try {
        if (cancel().is_set())
            failed = stopped_problem();
        else if ((failed = parts_.store.lost()))
            failed->not_started = true;
        else
            failed = work(reply);
    } catch (const base::SqliteError& e) {
        failed = problem::from_index(e, parts_.store.index_file());
        parts_.status.index_failed(failed->detail);
    } catch (const Error& e) { // of network(): nothing was sent
        failed = Problem{e.code(), "Network error", e.what(), true};
    } catch (const std::exception& e) {
        failed = problem::internal(e.what());
    }
    ended(failed);
    if (!failed)
        request_.reply(reply);
    else
        request_.fail(failed->code, failed->message, failed->detail, failed->not_started ? not_started : 0);
    parts_.status.publish();
}

std::shared_ptr<const netclient::Network> Job::network() const
{
    const auto json = parts_.context.network_settings(request_.id());
    if (!json) return nullptr;
    std::string why;
    auto settings = netclient::parse_network(*json, why);
    if (!settings) throw std::runtime_error{"the network settings of the server that asked: " + why};
    return std::make_shared<const netclient::Network>(std::move(*settings));
}

Problem Job::stopped_problem()
{
    if (stopping()) return problem::interrupted();
    const auto deadline = request_.deadline();
    return deadline && netclient::Clock::now() >= *deadline ? problem::timeout() : problem::cancelled();
}

Problem Job::problem_of(const netclient::Transfer& transfer)
{
    using End = netclient::Transfer::End;
    switch (transfer.end) {
    case End::cancelled:
    case End::deadline: return stopped_problem();
    case End::denied: return problem::denied(transfer.detail);
    case End::local: return problem::internal(transfer.detail);
    case End::done:
    case End::stopped:
    case End::refused:
    case End::network: break;
    }
    return problem::network(transfer.detail);
}

void Job::progress(std::uint64_t done, std::uint64_t total)
{
    const auto now = netclient::Clock::now();
    if (now < next_progress_) return;
    next_progress_ = now + milliseconds{250};
    std::string out;
    base::JsonWriter json{out};
    json.object().member("done", done);
    if (total > 0) json.member("total", total);
    json.member("unit", "bytes").end();
    request_.progress(out);
}

void submit(const Parts& parts, Schedule::Job schedule, const std::shared_ptr<Job>& job)
{
    schedule.caller = parse_caller(job->request().caller()).server;
    if (parts.pool.submit(std::move(schedule), job)) return;
    const auto busy =
        problem::busy(std::to_string(parts.config.queue) +
                      " transfers wait already; try again later, or raise queue or max_transfers");
    job->request().fail(busy.code, busy.message, busy.detail, not_started);
}

} // namespace agenthost::storage

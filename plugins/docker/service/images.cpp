#include "images.hpp"

#include "problem.hpp"

#include "plugins/docker/spec/registry_auth.hpp"

#include "base/json_writer.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

namespace agenthost::docker::service {

namespace {

constexpr std::chrono::seconds max_pause{900};
constexpr std::size_t max_limited = 64;
constexpr std::size_t max_jobs = 1024; // one for each server, and some that people asked for

// The credential for the image, if one is configured. `why`: it cannot be read. Blocking.
RegistryCredentials credentials_for(const ImageRef& image, const std::vector<RegistryLogin>& logins,
                                    std::string& why)
{
    RegistryCredentials credentials;
    for (const RegistryLogin& login : logins) {
        // Only the one that is needed is read: another one's missing file is not this pull's problem.
        RegistryCredentials one;
        one.add({login.registry, login.username, ""}, "registries");
        if (!one.header_for(image)) continue;
        const auto password = base::read_secret(login.password, why);
        if (!password) return credentials;
        credentials.add({login.registry, login.username, *password}, "registries");
    }
    return credentials;
}

} // namespace

Images::Images(engine::Client& client, const Config& config, boost::asio::any_io_executor disk)
    : client_{client}, config_{config}, disk_{std::move(disk)}
{}

Images::JobPtr Images::find(Ticket ticket) const
{
    const auto at = jobs_.find(ticket);
    return at == jobs_.end() ? nullptr : at->second;
}

Images::Ticket Images::add(const ImageRef& image, Handlers handlers)
{
    const Ticket ticket = ++last_;
    jobs_.emplace(ticket, std::make_shared<Job>(Job{image, std::move(handlers), {}, false, {}}));
    if (jobs_.size() <= max_jobs) return ticket;
    boost::asio::post(client_.io(), [this, ticket, alive = std::weak_ptr{alive_}] {
        if (!alive.expired())
            end(ticket, Problem{"BUSY", "too many pulls are in progress. Try again later."});
    });
    return ticket;
}

Images::Ticket Images::ensure(const ImageRef& image, Handlers handlers)
{
    const Ticket ticket = add(image, std::move(handlers));
    if (jobs_.size() <= max_jobs) look(ticket);
    return ticket;
}

Images::Ticket Images::pull(const ImageRef& image, Handlers handlers)
{
    const Ticket ticket = add(image, std::move(handlers));
    if (jobs_.size() <= max_jobs) read_password(ticket);
    return ticket;
}

void Images::cancel(Ticket ticket)
{
    const JobPtr job = find(ticket);
    if (!job) return;
    jobs_.erase(ticket);
    job->running.cancel();
}

void Images::give_up(const Problem& problem)
{
    std::vector<Ticket> tickets;
    for (const auto& [ticket, job] : jobs_) tickets.push_back(ticket);
    for (const Ticket ticket : tickets) {
        if (const JobPtr job = find(ticket)) job->running.cancel();
        end(ticket, problem);
    }
}

void Images::look(Ticket ticket)
{
    const JobPtr job = find(ticket);
    job->running = client_.image(
        job->image.canonical(),
        [this, ticket, alive = std::weak_ptr{alive_}](const engine::Result<engine::ImageFacts>& found) {
            const JobPtr again = alive.expired() ? nullptr : find(ticket);
            if (!again) return;
            if (!found && found.error().cause != engine::Cause::no_such_image)
                return end(ticket, problem_of(found.error()));
            again->present = found.ok();
            if (found && config_.pull != PullPolicy::always) return end(ticket, std::nullopt);
            if (config_.pull == PullPolicy::never)
                return end(ticket, Problem{"CONFIG_INVALID",
                                           again->image.canonical() +
                                               " is not on this node, and the docker plugin's pull is "
                                               "never. Load the image, or set pull to missing."});
            read_password(ticket);
        });
}

std::optional<Problem> Images::limited(const ImageRef& image) const
{
    const auto at = limited_.find(image.registry);
    const auto now = std::chrono::steady_clock::now();
    if (at == limited_.end() || at->second.until <= now) return std::nullopt;
    const auto left = std::chrono::ceil<std::chrono::seconds>(at->second.until - now).count();
    return Problem{"RATE_LIMIT", image.registry +
                                     " has refused a pull because of too many requests. The next one is "
                                     "possible in " +
                                     std::to_string(left) +
                                     " s; a credential for this registry may raise its limit."};
}

void Images::read_password(Ticket ticket)
{
    const JobPtr job = find(ticket);
    if (const auto problem = limited(job->image)) {
        boost::asio::post(client_.io(), [this, ticket, problem, alive = std::weak_ptr{alive_}] {
            const JobPtr again = alive.expired() ? nullptr : find(ticket);
            if (!again) return;
            if (again->present) return end(ticket, std::nullopt, problem->message);
            end(ticket, problem);
        });
        return;
    }
    boost::asio::post(disk_, [this, ticket, image = job->image, logins = config_.registries,
                              alive = std::weak_ptr{alive_}, io = &client_.io()] {
        std::string why, auth;
        std::vector<std::string> secrets;
        try {
            const RegistryCredentials found = credentials_for(image, logins, why);
            auth = found.header_for(image).value_or("");
            secrets = found.secrets_for(image);
        } catch (const std::exception& e) {
            why = e.what();
        }
        boost::asio::post(
            *io, [this, ticket, why, auth = std::move(auth), secrets = std::move(secrets), alive]() mutable {
                const JobPtr job = alive.expired() ? nullptr : find(ticket);
                if (!job) return;
                job->secrets = std::move(secrets);
                if (!why.empty()) return end(ticket, Problem{"CONFIG_INVALID", why});
                begin_pull(ticket, std::move(auth));
            });
    });
}

void Images::begin_pull(Ticket ticket, std::string auth)
{
    const JobPtr job = find(ticket);
    engine::PullOptions options;
    options.registry_auth = std::move(auth);
    options.deadline = config_.pull_timeout;
    const std::weak_ptr<int> alive = alive_;
    job->running = client_.pull(
        job->image.canonical(), std::move(options),
        [this, ticket, alive](const engine::PullProgress& progress) {
            const JobPtr again = alive.expired() ? nullptr : find(ticket);
            if (!again || !again->handlers.on_progress) return;
            const std::string status = without_secrets(progress.status(), again->secrets);
            if (status == progress.status()) return again->handlers.on_progress(progress);
            engine::PullProgress shown = progress;
            shown.read(base::json_object("status", status)); // as if the engine had not repeated it
            again->handlers.on_progress(shown);
        },
        [this, ticket, alive](const engine::Result<engine::Done>& done) {
            const JobPtr ended = alive.expired() ? nullptr : find(ticket);
            if (!ended) return;
            if (done) return pull_ended(ticket, std::nullopt);
            engine::Error error = done.error();
            error.text = without_secrets(std::move(error.text), ended->secrets);
            pull_ended(ticket, std::move(error));
        });
}

// Of limited_, for this registry.
void Images::make_room(const std::string& registry)
{
    if (limited_.size() < max_limited || limited_.contains(registry)) return;
    std::erase_if(limited_, [now = std::chrono::steady_clock::now()](const auto& one) {
        return one.second.until <= now;
    });
    if (limited_.size() >= max_limited) limited_.erase(limited_.begin());
}

void Images::pull_ended(Ticket ticket, const std::optional<engine::Error>& error)
{
    const JobPtr job = find(ticket);
    if (!error) {
        limited_.erase(job->image.registry);
        return end(ticket, std::nullopt);
    }
    if (error->cause == engine::Cause::rate_limited) {
        make_room(job->image.registry);
        Limited& limit = limited_[job->image.registry];
        limit.until = std::chrono::steady_clock::now() + limit.pause;
        limit.pause = std::min(limit.pause * 2, max_pause);
    }
    if (job->present) return end(ticket, std::nullopt, error->text);
    end(ticket, problem_of(*error));
}

void Images::end(Ticket ticket, std::optional<Problem> problem, const std::string& warning)
{
    const JobPtr job = find(ticket);
    if (!job) return;
    jobs_.erase(ticket);
    if (job->handlers.on_end) job->handlers.on_end(std::move(problem), warning);
}

} // namespace agenthost::docker::service

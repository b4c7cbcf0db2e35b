#include "secrets.hpp"

#include <utility>

namespace agenthost::hub {

void Secrets::reread()
{
    const Config& config = core_.config;
    std::string problem;
    credentials(problem);
    bearer(
        "admin_token", config.admin_token, admin_file_,
        [this](const auto& digest) UNDER_LOCK { agents_.credentials.callers.set_admin(digest); }, problem);
    bearer(
        "enroll_token", config.enroll_token, enroll_token_file_,
        [this](const auto& digest) UNDER_LOCK { agents_.credentials.callers.set_enroll_token(digest); },
        problem);
    jwt(problem);
    first_ = false;
    bool news = false;
    {
        const std::lock_guard lock{mutex_};
        news = problem != problem_ && !problem.empty();
        problem_ = problem;
    }
    if (news) core_.host.log(AGH_LOG_ERROR, "hub: " + problem, {});
}

std::string Secrets::problem() const
{
    const std::lock_guard lock{mutex_};
    return problem_;
}

void Secrets::look(const std::string& path, WatchedFile& file, const Read& read, std::string& problem) const
{
    // A secret from the environment has no path and does not change.
    if (!first_ && path.empty()) return;
    if (file.due(fingerprint(path))) {
        std::string why;
        file.read(read(why) ? std::string{} : why);
    }
    if (!file.problem().empty()) problem += (problem.empty() ? "" : " ") + file.problem();
}

void Secrets::credentials(std::string& problem)
{
    const std::string& path = core_.config.credentials;
    if (path.empty()) return;
    const Read read = [&](std::string& why) {
        auto listed = read_credentials_file(path, why);
        if (!listed) return false;
        core_.strand.run([&]() UNDER_LOCK {
            agents_.credentials.agents.set_listed(std::move(*listed));
            agents_.sessions.check_credentials();
        });
        return true;
    };
    look(path, credentials_file_, read, problem);
}

void Secrets::bearer(const char* key, const Secret& secret, WatchedFile& file,
                     const std::function<void(const base::Sha256Digest&)>& set, std::string& problem)
{
    if (secret.kind == Secret::Kind::none) return;
    const Read read = [&](std::string& why) {
        const auto token = read_secret(secret, why);
        if (!token) return false;
        if (const std::string bad = too_short(*token); !bad.empty()) {
            why = std::string{key} + " " + secret.name + ": " + bad;
            return false;
        }
        core_.strand.run([&]() UNDER_LOCK {
            set(base::sha256(*token));
            operators_.dashboards.check_credentials();
        });
        return true;
    };
    look(base::secret_file(secret), file, read, problem);
}

void Secrets::jwt(std::string& problem)
{
    const Config& config = core_.config;
    const bool shared = config.jwt_secret.kind != Secret::Kind::none;
    const Secret& secret = shared ? config.jwt_secret : config.jwt_key;
    if (secret.kind == Secret::Kind::none) {
        std::string why;
        if (first_) set_jwt(Jwt::of_secret(disk_.root.derive("jwt"), why));
        return;
    }
    const Read read = [&](std::string& why) {
        // A private key is PEM and has several lines.
        auto text = read_secret(secret, why, shared ? base::SecretForm::line : base::SecretForm::text);
        if (!text) return false;
        auto jwt =
            shared ? Jwt::of_secret(std::move(*text), why) : Jwt::of_private_key(std::move(*text), why);
        if (!jwt) why = (shared ? "jwt_secret " : "jwt_key ") + secret.name + ": " + why;
        if (jwt) set_jwt(std::move(jwt));
        return why.empty();
    };
    look(base::secret_file(secret), jwt_file_, read, problem);
}

// JWTs that the old key signed are no longer valid, and the sessions that they admitted end.
void Secrets::set_jwt(std::shared_ptr<const Jwt> jwt)
{
    core_.strand.run([&]() UNDER_LOCK {
        agents_.credentials.agents.set_jwt(std::move(jwt));
        agents_.sessions.check_credentials();
    });
}

} // namespace agenthost::hub

#include "credential_watch.hpp"

#include "base/hash.hpp"
#include "host/session/utc.hpp"

#include <utility>

namespace agenthost::host {

namespace {

using namespace std::chrono_literals;

// After a refresh that failed.
constexpr auto refresh_pause = 5min;

struct FilesSeen {
    // The fingerprint of the secret.
    std::string secret;
    // What cannot be used, why, how to fix it.
    std::string problem;
};

FilesSeen look_at(const SecretSource& source, const netclient::TlsClientConfig& tls)
{
    FilesSeen seen;
    if (source.kind != SecretSource::Kind::none) seen.secret = secret_print(source, &seen.problem);
    if (!seen.problem.empty() || tls == netclient::TlsClientConfig{}) return seen;
    seen.problem = netclient::make_client_context(tls).problem;
    return seen;
}

} // namespace

void CredentialWatch::prepared(std::string notice)
{
    refresh_problem_ = std::move(notice);
    files_problem_.clear();
}

std::string CredentialWatch::notice() const
{
    return refresh_problem_ + (refresh_problem_.empty() || files_problem_.empty() ? "" : "; ") +
           files_problem_;
}

std::string CredentialWatch::begin(std::string credential, std::int64_t refreshed_at)
{
    refreshed_at_ = refreshed_at;
    fingerprint_ = base::hex(base::sha256(credential));
    const std::string& sent = sent_.in_place_of(fingerprint_);
    return sent.empty() ? std::move(credential) : sent;
}

void CredentialWatch::check_files(std::function<void()> changed, std::function<void()> noticed)
{
    const bool has_secret = source_.kind == SecretSource::Kind::file && refresh_ == 0ms;
    const bool has_tls = !tls_.ca.empty() || !tls_.certificate.empty();
    if (!has_secret && !has_tls) return;
    checking_.start<FilesSeen>(
        main_,
        [source = has_secret ? source_ : SecretSource{},
         tls = has_tls ? tls_ : netclient::TlsClientConfig{}] { return look_at(source, tls); },
        [this, changed = std::move(changed), noticed = std::move(noticed)](const FilesSeen& found) {
            const std::string problem =
                found.problem.empty() ? "" : "the next connection will fail: " + found.problem;
            if (std::exchange(files_problem_, problem) != problem) noticed();
            if (!found.secret.empty() && found.secret != fingerprint_) changed();
        });
}

void CredentialWatch::refresh_if_due(const std::function<PrepareRequest()>& request,
                                     std::function<void()> done)
{
    const auto now = std::chrono::steady_clock::now();
    if (refresh_ == 0ms || utc_now_ms() - refreshed_at_ < refresh_.count() || now < no_refresh_before_)
        return;
    no_refresh_before_ = now + refresh_pause;
    struct Refreshed {
        std::string problem;
        std::int64_t at = 0;
    };
    refreshing_.start<Refreshed>(
        main_,
        [request = request()] {
            Refreshed result;
            result.problem = host::refresh_if_due(request, result.at);
            return result;
        },
        [this, done = std::move(done)](const Refreshed& result) {
            refresh_problem_ =
                result.problem.empty() ? "" : "the daily refresh of its token failed: " + result.problem;
            if (result.problem.empty()) no_refresh_before_ = {};
            if (result.at != 0) refreshed_at_ = result.at;
            done();
        });
}

void CredentialWatch::forget()
{
    checking_.forget();
    refreshing_.forget();
}

} // namespace agenthost::host

#include "credential_watch.hpp"

#include "base/hash.hpp"
#include "host/session/utc.hpp"

#include <utility>

namespace agenthost::host {

namespace {

using namespace std::chrono_literals;

// After a refresh that failed.
constexpr auto refresh_pause = 5min;

} // namespace

std::string CredentialWatch::begin(std::string credential, std::int64_t refreshed_at)
{
    refreshed_at_ = refreshed_at;
    fingerprint_ = base::hex(base::sha256(credential));
    const std::string& sent = sent_.in_place_of(fingerprint_);
    return sent.empty() ? std::move(credential) : sent;
}

void CredentialWatch::check_file(std::function<void()> changed)
{
    if (source_.kind != SecretSource::Kind::file || refresh_ != 0ms) return;
    checking_.start<std::string>(
        main_, [source = source_] { return secret_print(source); },
        [this, changed = std::move(changed)](const std::string& found) {
            if (!found.empty() && found != fingerprint_) changed();
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
            notice_ =
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

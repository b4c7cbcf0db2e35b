#include "client.hpp"

#include "client_calls.hpp"

#include <algorithm>

namespace agenthost::docker::engine {

bool Sending::send(std::string_view bytes) const
{
    const auto exchange = exchange_.lock();
    if (!exchange || exchange->over() || exchange->unsent() + bytes.size() > max_unsent) return false;
    exchange->send(bytes);
    return true;
}

void Sending::finish() const
{
    if (const auto exchange = exchange_.lock()) exchange->finish_body();
}

Client::Client(boost::asio::io_context& io, Options options)
    : io_{io}, options_{std::move(options)}, connections_{io, options_.socket, options_.limits}
{}

Client::~Client() = default;

void Client::forget_version() { api_.reset(); }

Request Client::request(std::string_view method, std::string what, std::string target,
                        std::chrono::milliseconds deadline) const
{
    Request request;
    request.context.what = std::move(what);
    request.method = method;
    request.target = std::move(target);
    request.timeouts.whole = deadline;
    return request;
}

std::shared_ptr<Exchange> Client::begin(Request request, Handlers handlers)
{
    request.context.podman = podman_;
    const bool versioned = request.versioned;
    if (versioned) {
        // The engine was upgraded or replaced while we were connected, or went away: look again.
        handlers.on_end = [this, on_end = std::move(handlers.on_end)](std::optional<Error> error) {
            if (error && (error->cause == Cause::version || error->cause == Cause::unreachable))
                forget_version();
            if (on_end) on_end(std::move(error));
        };
    }
    auto exchange = connections_.make(std::move(request), std::move(handlers));
    if (!versioned) {
        connections_.launch(exchange, {});
    } else if (api_) {
        connections_.launch(exchange, "/v" + api_->text());
    } else if (unversioned_.size() >= options_.limits.max_waiting) {
        exchange->fail(error_of_queue(exchange->request().context, unversioned_.size()));
    } else {
        unversioned_.push_back(exchange);
        choose_version();
    }
    return exchange;
}

Running Client::ask(Request request, Then<Answer> then)
{
    const auto answer = std::make_shared<Answer>();
    Handlers handlers;
    handlers.on_head = [answer](const netclient::ResponseHead& head) {
        answer->status = head.status;
        answer->api_version = head.header("api-version");
        answer->podman = !head.header("libpod-api-version").empty();
    };
    handlers.on_content = [answer](std::string_view piece) -> const char* {
        if (answer->body.size() + piece.size() > max_answer) return "the answer is larger than 16 MiB";
        answer->body += piece;
        return nullptr;
    };
    handlers.on_end = [answer, then = std::move(then)](std::optional<Error> error) {
        if (error) return then(std::move(*error));
        then(std::move(*answer));
    };
    return Running{begin(std::move(request), std::move(handlers))};
}

// GET /_ping without a version in its path works on every engine, and the head of its answer names the newest
// API.
void Client::choose_version()
{
    if (std::exchange(choosing_, true)) return;
    Request ask_version = request("GET", "negotiate the API version", "/_ping", options_.read_deadline);
    ask_version.versioned = false;
    ask_version.own_connection = true;
    ask(std::move(ask_version), [this](Result<Answer> answer) { on_version(std::move(answer)); });
}

void Client::on_version(Result<Answer> answer)
{
    choosing_ = false;
    std::optional<Error> error;
    if (answer) {
        std::string why;
        podman_ = answer->podman;
        api_ = choose_api(answer->api_version, {}, why);
        if (!api_) {
            const CallContext context{connections_.socket(), "negotiate the API version", podman_};
            error = error_of_version(context, why);
        }
    } else {
        error = std::move(answer.error());
    }
    const auto waiting = std::exchange(unversioned_, {});
    for (const auto& weak : waiting) {
        const auto exchange = weak.lock();
        if (!exchange || exchange->over()) continue;
        exchange->request().context.podman = podman_;
        if (api_) {
            connections_.launch(exchange, "/v" + api_->text());
        } else {
            Error mine = *error;
            mine.sent = false;
            exchange->fail(std::move(mine));
        }
    }
}

Running Client::ping(Then<Done> then)
{
    Request ping = request("GET", "ping", "/_ping", options_.read_deadline);
    ping.versioned = false;
    ping.own_connection = true; // tests the engine, not how busy our connections are
    return ask_for<Done>(
        std::move(ping), [](const Answer&) { return std::optional<Done>{Done{}}; }, std::move(then));
}

Running Client::probe(Then<EngineFacts> then)
{
    Request version = request("GET", "read the engine's version", "/version", options_.work_deadline);
    version.own_connection = true;
    return ask(std::move(version), [this, then = std::move(then)](Result<Answer> answer) {
        if (!answer) return then(std::move(answer.error()));
        std::string why;
        const std::string oldest = oldest_api_of(answer->body);
        if (api_ && !oldest.empty() && !choose_api(api_->text(), oldest, why)) {
            forget_version();
            return then(error_of_version({connections_.socket(), "negotiate the API version", podman_}, why));
        }
        Request info = request("GET", "read the engine's facts", "/info", options_.work_deadline);
        info.own_connection = true;
        ask_for<EngineFacts>(
            std::move(info),
            [this, version_json = std::move(answer->body)](const Answer& info_answer) {
                auto facts = read_engine(version_json, info_answer.body);
                if (facts && api_) facts->used_api = api_->text();
                return facts;
            },
            then);
    });
}

Running Client::disk_use(Then<DiskUse> then)
{
    // The engine walks every container's files.
    constexpr std::chrono::minutes deadline{2};
    Request df = request("GET", "read the disk usage", "/system/df", deadline);
    df.own_connection = true;
    return ask_for<DiskUse>(
        std::move(df), [](const Answer& answer) { return read_disk_use(answer.body); }, std::move(then));
}

} // namespace agenthost::docker::engine

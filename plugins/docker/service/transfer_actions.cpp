#include "transfer_actions.hpp"

#include "file_params.hpp"

#include "base/ascii.hpp"
#include "base/json_writer.hpp"

#include <exception>
#include <initializer_list>
#include <optional>
#include <utility>

namespace agenthost::docker::service {

namespace {

using Json = nlohmann::json;
using netclient::Clock;

constexpr std::string_view upload_verb = "get_file", download_verb = "write_file";

const char* url_key(std::string_view verb) { return verb == upload_verb ? "uploadUrl" : "downloadUrl"; }

bool has_url(std::string_view verb, const Json& params)
{
    const auto at = params.find(url_key(verb));
    return at != params.end() && !at->is_null();
}

netclient::Url url_of(const Json& params, const char* key)
{
    std::string why;
    auto url = netclient::parse_url(text_of(params, key), why);
    if (!url) invalid_param(std::string{key} + ": " + why); // the text itself may be a one-time secret
    return std::move(*url);
}

transfer::Declared declared_of(const Json& params)
{
    transfer::Declared declared;
    if (const auto size = params.find("size"); size != params.end() && !size->is_null()) {
        if (!size->is_number_unsigned()) invalid_param("size is not a whole number of bytes");
        declared.size = size->get<std::uint64_t>();
    }
    if (const auto sha = params.find("sha256"); sha != params.end() && !sha->is_null()) {
        const std::string& hex = declared.sha256 = base::to_lower(text_of(params, "sha256"));
        if (hex.size() != 64 || hex.find_first_not_of("0123456789abcdef") != std::string::npos)
            invalid_param("sha256 is not 64 hex digits");
    }
    return declared;
}

void refuse_together(const Json& params, std::initializer_list<const char*> keys, const char* url)
{
    for (const char* key : keys)
        if (params.contains(key))
            invalid_param(std::string{key} + " and " + url + " do not go together. Leave one of them out.");
}

Error ended_error(const Request& request)
{
    const auto deadline = request.deadline();
    if (deadline && Clock::now() >= *deadline)
        return {"TIMEOUT", "the command's deadline passed before its turn came. Send it again.",
                AGH_E_DEADLINE};
    return {"CANCELLED", "the transfer was cancelled before its turn came. Nothing was changed.",
            AGH_E_CANCELLED};
}

} // namespace

// One transfer, waiting or running.
struct TransferActions::Job {
    explicit Job(FileScope of) : scope{std::move(of)} {}

    FileScope scope;
    std::shared_ptr<Request> request;
    bool is_upload = false;
    netclient::Url url;
    files::Path path;
    transfer::Declared declared;
    files::WriteOptions options;
};

TransferActions::TransferActions(const Context& context, ServerRoots& roots,
                                 const transfer::Settings& settings)
    : context_{context}, roots_{roots}, mover_{settings}, pool_{{.threads = settings.max,
                                                                 .max_waiting = settings.queue}}
{}

TransferActions::~TransferActions() { stop(); }

void TransferActions::stop()
{
    stopping_ = true;
    pool_.stop();
}

bool TransferActions::asked(std::string_view verb, std::string_view params)
{
    if (verb != upload_verb && verb != download_verb) return false;
    if (params.find(url_key(verb)) == std::string_view::npos) return false;
    const Json json = Json::parse(params, nullptr, false);
    return json.is_object() && has_url(verb, json);
}

void TransferActions::run(const std::shared_ptr<Request>& request, const FileScope& scope,
                          std::string_view verb)
{
    const Json params = Json::parse(request->params());
    const bool is_upload = verb == upload_verb;
    refuse_together(params, {"offset", "length", "content", "encoding"}, url_key(verb));
    const auto job = std::make_shared<Job>(scope);
    job->request = request;
    job->is_upload = is_upload;
    job->url = url_of(params, url_key(verb));
    job->path = path_of(params, "path");
    if (!is_upload) {
        job->declared = declared_of(params);
        job->options = write_options(params, job->path);
    }
    const std::string panel = panel_of(request->caller());
    const auto submitted = pool_.submit([this, job](base::Cancel& cancel) { work(*job, cancel); }, panel);
    if (!submitted) {
        request->fail("BUSY",
                      "the queue of transfers is full: " + pool_.no_place(panel) +
                          ". Try again when some have ended, or raise transfers.queue or transfers.max.",
                      {}, not_started);
        return;
    }
    request->on_cancel([this, weak = std::weak_ptr{submitted}] {
        const auto cancel = weak.lock();
        if (!cancel) return;
        cancel->set();
        if (const auto waiting = pool_.withdraw(cancel)) waiting(*cancel); // answers
    });
}

void TransferActions::work(const Job& job, base::Cancel& cancel)
{
    try {
        if (cancel.is_set()) return fail(*job.request, ended_error(*job.request), not_started);
        std::shared_ptr<const netclient::Network> network;
        try {
            network = network_of(job);
        } catch (const Error& e) {
            return fail(*job.request, e, not_started);
        }
        job.request->reply(move(job, std::move(network), cancel));
    } catch (const Error& e) {
        fail(*job.request, e);
    } catch (const std::exception& e) {
        job.request->fail("INTERNAL", e.what());
    }
}

void TransferActions::fail(Request& request, const Error& error, std::uint32_t flags)
{
    if (stopping_ && error.code() == "CANCELLED")
        request.fail("INTERRUPTED", "the agent is stopping; nothing was changed. Send the command again.", {},
                     not_started);
    else
        request.fail(error, flags);
}

std::shared_ptr<const netclient::Network> TransferActions::network_of(const Job& job)
{
    const auto settings = context_.network_settings(job.request->id());
    if (!settings) return nullptr;
    std::string why;
    auto parsed = netclient::parse_network(*settings, why);
    if (!parsed) throw Error{"INTERNAL", "the network settings of the server that asked: " + why};
    return std::make_shared<const netclient::Network>(std::move(*parsed));
}

std::string TransferActions::move(const Job& job, std::shared_ptr<const netclient::Network> network,
                                  base::Cancel& cancel)
{
    const auto stay = job.scope.life->enter(cancel);
    const auto root = roots_.root(job.scope);
    const transfer::Order order{
        job.url,
        std::move(network),
        {cancel, job.request->deadline().value_or(Clock::time_point::max())},
        [&](std::uint64_t done, std::uint64_t total) {
            job.request->progress(total > 0 ? base::json_object("done", done, "total", total, "unit", "bytes")
                                            : base::json_object("done", done, "unit", "bytes"));
        }};
    if (job.is_upload) {
        const transfer::Moved sent = mover_.upload(*root, job.path, order);
        return base::json_object("serverId", job.scope.id, "path", job.path.shown(), "size", sent.size,
                                 "httpStatus", sent.status);
    }
    const transfer::Moved got = mover_.download(*root, job.path, job.options, job.declared, order);
    return base::json_object("serverId", job.scope.id, "path", job.path.shown(), "size", got.size, "sha256",
                             got.sha256);
}

} // namespace agenthost::docker::service

#include "error.hpp"

#include "base/ascii.hpp"
#include "base/json_depth.hpp"
#include "json_read.hpp"
#include "netclient/url.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <initializer_list>

namespace agenthost::docker::engine {

namespace {

std::string where(const CallContext& context)
{
    return std::string{context.podman ? "podman" : "docker"} + " engine on " + context.socket + ": " +
           context.what;
}

bool contains_any(std::string_view text, std::initializer_list<std::string_view> parts)
{
    for (const auto part : parts)
        if (text.find(part) != std::string_view::npos) return true;
    return false;
}

// Causes that only the message reveals, whatever the status. engine_failed: none of them.
Cause cause_of_message(std::string_view message)
{
    const std::string text = base::to_lower(message);
    if (contains_any(text, {"no space left on device", "disk quota exceeded"})) return Cause::no_space;
    if (contains_any(text, {"port is already allocated", "address already in use", "ports are not available",
                            "failed to bind port", "failed to bind host port"}))
        return Cause::port_in_use;
    if (contains_any(text, {"toomanyrequests", "too many requests", "rate limit"}))
        return Cause::rate_limited;
    if (contains_any(text, {"client version", "minimum supported api version", "is too new. maximum"}) &&
        contains_any(text, {"too old", "too new"}))
        return Cause::version;
    if (contains_any(text, {"no such image", "manifest unknown", "manifest for", "image not known",
                            "not found: manifest", "no matching manifest"}))
        return Cause::no_such_image;
    if (contains_any(text, {"pull access denied", "unauthorized", "authentication required", "access denied",
                            "denied: ", "no basic auth credentials", "incorrect username or password"}))
        return Cause::unauthorised;
    if (contains_any(text, {"no such host", "i/o timeout", "tls handshake timeout", "network is unreachable",
                            "connection refused", "temporary failure in name resolution",
                            "server misbehaving", "client.timeout exceeded", "x509:"}))
        return Cause::registry_unreachable;
    // Podman, with status 500.
    if (contains_any(text, {"container state improper", "that name is already in use"}))
        return Cause::conflict;
    return Cause::engine_failed;
}

Cause cause_of_status(int status, std::string_view message)
{
    const Cause named = cause_of_message(message);
    switch (status) {
    case 400: return named == Cause::version ? named : named == Cause::engine_failed ? Cause::refused : named;
    case 401: return Cause::unauthorised;
    case 403: return named == Cause::unauthorised ? named : Cause::forbidden;
    case 404:
        if (named == Cause::no_such_image || named == Cause::unauthorised) return named;
        return contains_any(base::to_lower(message), {"page not found"}) || message.empty()
                   ? Cause::unsupported
                   : Cause::not_found;
    case 405:
    case 501: return Cause::unsupported;
    case 408:
    case 504: return Cause::timeout;
    case 409: return named == Cause::port_in_use ? named : Cause::conflict;
    case 429: return Cause::rate_limited;
    case 503: return named == Cause::engine_failed ? Cause::unreachable : named;
    case 507: return Cause::no_space;
    default: return named;
    }
}

const char* remedy(Cause cause)
{
    switch (cause) {
    case Cause::unreachable: return "Check that the engine runs (systemctl status docker, or podman.socket)";
    case Cause::forbidden:
        return "Allow this endpoint in the socket proxy; the docker plugin's GUIDE.md lists those it needs";
    case Cause::timeout:
        return "Check the load of the machine and the engine's log (journalctl -u docker, or -u podman)";
    case Cause::cancelled: return "";
    case Cause::busy: return "Try again when the calls in progress have finished";
    case Cause::bad_answer: return "Check which program answers on this socket, and its log";
    case Cause::version: return "Upgrade the older of the two: the engine or agenthost";
    case Cause::not_found: return "The container was removed; start the server to create it again";
    case Cause::no_such_image: return "Pull the image first, or correct its name";
    case Cause::conflict: return "Inspect the container to see which state or name is in the way";
    case Cause::port_in_use: return "Choose another port, or stop the program that uses this one";
    case Cause::no_space: return "Free space below the engine's data folder (docker system df)";
    case Cause::unauthorised:
        return "Check the image's name and the credential configured for exactly this registry";
    case Cause::rate_limited: return "Wait before the next pull, or configure a credential for this registry";
    case Cause::registry_unreachable:
        return "Check the machine's network, DNS and proxy, and the registry's name";
    case Cause::refused: return "Correct the setting that the engine names";
    case Cause::unsupported: return "This engine lacks the function; a newer engine may have it";
    case Cause::engine_failed: return "See the engine's log (journalctl -u docker, or -u podman)";
    }
    return "";
}

std::string_view remedy_of(const Error& error)
{
    // Podman's word for it, and Docker's.
    if (contains_any(error.engine_message, {"container-init binary not found", "exec: docker-init"}))
        return "Install it (Debian: catatonit for Podman, tini for Docker), or set the docker plugin's init "
               "to "
               "false";
    return remedy(error.cause);
}

std::string sentence(std::string what, std::string_view why, std::string_view remedy)
{
    if (!why.empty()) (what += ": ") += why;
    while (!what.empty() && (what.back() == '.' || what.back() == ' ')) what.pop_back();
    what += '.';
    if (!remedy.empty()) ((what += ' ') += remedy) += '.';
    return what;
}

Error made(const CallContext& context, Cause cause, bool sent, std::string_view why, std::string_view advice)
{
    Error error;
    error.cause = cause;
    error.sent = sent;
    error.text = sentence(where(context), why, advice);
    return error;
}

std::string seconds(std::chrono::milliseconds time)
{
    const auto ms = time.count();
    if (ms % 1000 != 0) return std::to_string(ms) + " ms";
    return std::to_string(ms / 1000) + " s";
}

} // namespace

const char* to_string(Cause cause)
{
    static constexpr std::array names{
        "unreachable", "forbidden",   "timeout",      "cancelled",     "busy",
        "bad_answer",  "version",     "not_found",    "no_such_image", "conflict",
        "port_in_use", "no_space",    "unauthorised", "rate_limited",  "registry_unreachable",
        "refused",     "unsupported", "engine_failed"};
    return names.at(static_cast<std::size_t>(cause));
}

std::string engine_message(std::string_view body)
{
    while (!body.empty() && (body.back() == '\n' || body.back() == '\r')) body.remove_suffix(1);
    const auto root = base::parse_json<nlohmann::json>(body);
    if (!root.is_object()) return netclient::printable(body, max_engine_message);
    for (const char* key : {"message", "cause", "error"})
        if (const auto message = text_at(root, key); !message.empty())
            return netclient::printable(message, max_engine_message);
    return {};
}

Error error_of_reply(const CallContext& context, int status, std::string_view body)
{
    Error error;
    error.engine_message = engine_message(body);
    error.status = status;
    error.cause = cause_of_status(status, error.engine_message);
    const std::string why =
        error.engine_message.empty() ? "status " + std::to_string(status) : error.engine_message;
    error.text = sentence(where(context), why, remedy_of(error));
    return error;
}

Error error_in_stream(const CallContext& context, std::string_view message)
{
    Error error;
    error.engine_message = netclient::printable(message, max_engine_message);
    error.status = 200;
    error.cause = cause_of_message(error.engine_message);
    error.text = sentence(where(context), error.engine_message, remedy(error.cause));
    return error;
}

Error error_of_connect(const CallContext& context, int code)
{
    if (code == EACCES || code == EPERM)
        return made(context, Cause::forbidden, false, "permission denied on the socket",
                    "Add the agent's user to the socket's group (docker) and restart the agent");
    if (code == ENOENT || code == ENOTDIR)
        return made(context, Cause::unreachable, false, "the socket does not exist",
                    "Install and start the engine, or correct the plugin's setting socket");
    if (code == ECONNREFUSED)
        return made(context, Cause::unreachable, false, "nothing accepts connections on the socket",
                    remedy(Cause::unreachable));
    if (code == EMFILE || code == ENFILE)
        return made(context, Cause::no_space, false, "no file descriptor is left for a connection",
                    "Raise the limit of open files (LimitNOFILE= of the agent's unit)");
    return made(context, Cause::unreachable, false, std::strerror(code), remedy(Cause::unreachable));
}

Error error_of_break(const CallContext& context, std::string_view why, bool sent)
{
    return made(context, Cause::unreachable, sent, why, remedy(Cause::unreachable));
}

Error error_of_timeout(const CallContext& context, std::chrono::milliseconds time, bool sent)
{
    return made(context, Cause::timeout, sent,
                sent ? "no complete answer within " + seconds(time)
                     : "not sent within " + seconds(time) + ": the engine is slow to answer",
                remedy(Cause::timeout));
}

Error error_of_silence(const CallContext& context, std::chrono::seconds time)
{
    Error error;
    error.cause = Cause::timeout;
    error.text = sentence("the " + std::string{context.podman ? "podman" : "docker"} + " engine on " +
                              context.socket + " has not answered for " + seconds(time),
                          "", "Check whether its process is stopped or hangs");
    return error;
}

Error error_of_answer(const CallContext& context, std::string_view why)
{
    return made(context, Cause::bad_answer, true, netclient::printable(why, max_engine_message),
                remedy(Cause::bad_answer));
}

Error error_of_version(const CallContext& context, std::string_view why)
{
    return made(context, Cause::version, false, why, remedy(Cause::version));
}

Error error_of_cancel(const CallContext& context, bool sent)
{
    return made(context, Cause::cancelled, sent, "cancelled", "");
}

Error error_of_queue(const CallContext& context, std::size_t waiting)
{
    return made(context, Cause::busy, false, std::to_string(waiting) + " calls are waiting for the engine",
                remedy(Cause::busy));
}

Error error_of_request(const CallContext& context, std::string_view why)
{
    return made(context, Cause::refused, false, why, "");
}

} // namespace agenthost::docker::engine

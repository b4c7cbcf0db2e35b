// Describes a failed call to the engine: a cause that code can act on, and one sentence for people that says
// what failed, where, and what to do. Pure.
//
//     docker engine on /run/docker.sock: create container agenthost-7: No such image: game:1. Pull the image
//     first, or correct its name.
//
// An engine's own message is quoted as printable text of at most 1 KiB. It may name paths and ports; it never
// contains the request, so it reveals neither an environment nor a registry's credential.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace agenthost::docker::engine {

enum class Cause : std::uint8_t {
    // Nothing listens on the socket, or the connection broke.
    unreachable,
    // The agent's user may not open the socket, or a socket proxy forbids the endpoint.
    forbidden,
    timeout,
    cancelled,
    // Our own limit of waiting calls; nothing was sent.
    busy,
    // Not HTTP, truncated, invalid JSON or more than the limit.
    bad_answer,
    // No API version that both sides speak.
    version,
    // No such container.
    not_found,
    no_such_image,
    // The name is in use, or the container's state does not allow the call.
    conflict,
    port_in_use,
    no_space,
    // The registry refused the credential, or requires one.
    unauthorised,
    // The registry's limit of requests is reached.
    rate_limited,
    registry_unreachable,
    // The engine refused the request itself (400), or this client refused to send it.
    refused,
    // This engine lacks the endpoint.
    unsupported,
    // Anything else the engine reports.
    engine_failed
};

const char* to_string(Cause);

struct Error {
    Cause cause = Cause::engine_failed;
    // Of the HTTP answer; 0: no answer.
    int status = 0;
    // Whether the engine may have acted on the request. False: repeating it is safe.
    bool sent = true;
    // The complete sentence, for people.
    std::string text;
    // The engine's own message inside it, made printable; may be empty.
    std::string engine_message;
};

// What was called, for error texts.
struct CallContext {
    // The socket's path.
    std::string socket;
    // "start container agenthost-7".
    std::string what;
    bool podman = false;
};

constexpr std::size_t max_engine_message = 1024;

// The message inside an error body: {"message": ...} of Docker and Podman, {"cause": ...} of older Podman,
// or the text itself. Printable and cut.
std::string engine_message(std::string_view body);

// An answer whose status means failure.
Error error_of_reply(const CallContext&, int status, std::string_view body);
// An error that arrived inside a stream of status 200, as a pull reports it.
Error error_in_stream(const CallContext&, std::string_view message);
// Connecting failed with this errno.
Error error_of_connect(const CallContext&, int error);
// The connection ended or failed before the answer was complete.
Error error_of_break(const CallContext&, std::string_view why, bool sent);
Error error_of_timeout(const CallContext&, std::chrono::milliseconds, bool sent);
// The engine accepts connections and answers nothing.
Error error_of_silence(const CallContext&, std::chrono::seconds);
Error error_of_answer(const CallContext&, std::string_view why);
// No API version that both sides speak: `why` is a clause with both numbers.
Error error_of_version(const CallContext&, std::string_view why);
Error error_of_cancel(const CallContext&, bool sent);
Error error_of_queue(const CallContext&, std::size_t waiting);
// The client does not send the request: `why` is a clause with its remedy.
Error error_of_request(const CallContext&, std::string_view why);

} // namespace agenthost::docker::engine

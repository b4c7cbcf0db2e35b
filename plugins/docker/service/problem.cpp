#include "problem.hpp"

#include <agenthost/error.hpp>

namespace agenthost::docker::service {

namespace {

const char* code_of(engine::Cause cause)
{
    using engine::Cause;
    switch (cause) {
    case Cause::forbidden: return "PERMISSION_DENIED";
    case Cause::not_found: return "CONTAINER_NOT_FOUND";
    case Cause::no_such_image:
    case Cause::refused: return "CONFIG_INVALID";
    case Cause::port_in_use: return "PORT_CONFLICT";
    case Cause::no_space: return "INSUFFICIENT_RESOURCES";
    case Cause::cancelled: return "CANCELLED";
    case Cause::busy: return "BUSY";
    case Cause::rate_limited: return "RATE_LIMIT";
    case Cause::unreachable:
    case Cause::timeout:
    case Cause::bad_answer:
    case Cause::version:
    case Cause::conflict:
    case Cause::unauthorised:
    case Cause::registry_unreachable:
    case Cause::unsupported:
    case Cause::engine_failed: return "DOCKER_ERROR";
    }
    return "DOCKER_ERROR";
}

} // namespace

Problem problem_of(const engine::Error& error) { return {code_of(error.cause), error.text}; }

server::Outcome outcome_of(const engine::Error& error)
{
    if (error.cause == engine::Cause::not_found) return server::Outcome::not_found;
    if (error.cause == engine::Cause::timeout && error.sent) return server::Outcome::deadline;
    return server::Outcome::failed;
}

Problem problem_of_exception()
{
    try {
        throw;
    } catch (const Error& e) {
        return {e.code(), e.what()};
    } catch (const std::exception& e) {
        return {"INTERNAL", e.what()};
    }
}

} // namespace agenthost::docker::service

// Turns an error of the engine into a code of the panel protocol and a sentence. Pure.
#pragma once

#include "plugins/docker/engine/error.hpp"
#include "plugins/docker/errors/codes.hpp"
#include "plugins/docker/server/values.hpp"

namespace agenthost::docker::service {

Problem problem_of(const engine::Error&);
// `not_found` for a container that does not exist or does not run, `deadline` when the outcome is unknown.
server::Outcome outcome_of(const engine::Error&);
// The exception in flight; call inside a catch block.
Problem problem_of_exception();

} // namespace agenthost::docker::service

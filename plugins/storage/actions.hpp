// The plugin's actions. Each reads its parameters on the host's worker thread; list and info of
// the store answer at once, the others submit a job to the pool.
#pragma once

#include "parts.hpp"

#include <agenthost/request.hpp>

namespace agenthost::storage {

void upload(const Parts&, Request);
void download(const Parts&, Request);
void remove(const Parts&, Request); // storage.delete
void verify(const Parts&, Request);
void list(const Parts&, Request);
void info(const Parts&, Request);

} // namespace agenthost::storage

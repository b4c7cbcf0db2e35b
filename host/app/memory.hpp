// Keeps an idle daemon small.
#pragma once

namespace agenthost::host {

// Two malloc arenas instead of eight per core, because there are many mostly idle threads. Call before the
// first thread.
void bound_arenas();
// Returns memory that is not needed while idle: freed heap, and code pages (clean and file-backed; they are
// mapped again from the page cache on use). Costs a few hundred minor faults.
void release_idle_memory();

} // namespace agenthost::host

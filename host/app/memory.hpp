// Keeps an idle daemon small.
#pragma once

namespace agenthost::host {

// Two malloc arenas instead of eight a core: threads here are many and mostly asleep. Before the first thread.
void bound_arenas();
// Gives back what only start-up needed: freed heap, and the code pages that were touched once (clean, file-backed; what is used again
// is mapped again from the page cache). Costs a few hundred minor faults.
void release_startup_memory();

} // namespace agenthost::host

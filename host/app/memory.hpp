// Keeps an idle daemon small.
#pragma once

namespace agenthost::host {

// Two malloc arenas instead of eight a core: threads here are many and mostly asleep. Before the first thread.
void bound_arenas();
// Gives back what is not needed while idle: freed heap, and the code pages touched since (clean, file-backed; what is used again
// is mapped again from the page cache). Costs a few hundred minor faults.
void release_idle_memory();

} // namespace agenthost::host

#include "verbs.hpp"
namespace agenthost::host::cli { int doctor(const Context&, std::chrono::milliseconds) { return 0; } }

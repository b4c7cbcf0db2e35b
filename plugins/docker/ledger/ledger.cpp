#include "ledger.hpp"

#include "base/units.hpp"

#include <algorithm>

namespace agenthost::docker::ledger {

namespace {

// The sum, or the largest number.
std::uint64_t plus(std::uint64_t a, std::uint64_t b)
{
    std::uint64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

std::optional<Problem> beyond(const char* what, std::uint64_t asked, std::uint64_t used, std::uint64_t limit)
{
    if (limit == 0 || plus(used, asked) <= limit) return std::nullopt;
    const std::uint64_t left = limit > used ? limit - used : 0;
    return problem(code::insufficient_resources,
                   std::string{"the server asks for "} + base::format_size(asked) + " of " + what + ", and " +
                       base::format_size(left) + " of the node's " + base::format_size(limit) + " are left");
}

std::optional<Problem> beyond_machine(const char* what, std::uint64_t asked, std::uint64_t limit,
                                      std::uint64_t machine)
{
    if (limit != 0 || machine == 0 || asked <= machine) return std::nullopt;
    return problem(code::insufficient_resources,
                   std::string{"the server asks for "} + base::format_size(asked) + " of " + what +
                       ", and the whole machine has " + base::format_size(machine));
}

} // namespace

NodeLimits limits_of(const NodePolicy& policy)
{
    return {.memory = policy.total_memory, .disk = policy.total_disk, .servers = policy.max_servers};
}

std::optional<Problem> Ledger::claim(Claim claim, std::span<const Stranger> strangers)
{
    if (auto problem = port_problem(claim, strangers)) return problem;
    if (auto problem = resource_problem(claim)) return problem;
    claims_[claim.server] = std::move(claim);
    return std::nullopt;
}

std::vector<std::string> Ledger::restore(Claim claim)
{
    std::vector<std::string> out;
    for (const HostPort& port : claim.ports)
        if (const auto other = holder(port, claim.server))
            out.push_back("host port " + text(port) + " is claimed by the servers " + claim.server + " and " +
                          other->first + ". Only one of them can run: change the port of the other.");
    claims_[claim.server] = std::move(claim);
    return out;
}

std::optional<Problem> Ledger::port_problem(const Claim& claim, std::span<const Stranger> strangers) const
{
    for (std::size_t i = 0; i < claim.ports.size(); ++i) {
        const HostPort& port = claim.ports[i];
        std::string by;
        if (const auto other = holder(port, claim.server))
            by = "server " + other->first + " (" + text(other->second) + ")";
        for (const Stranger& stranger : strangers)
            if (by.empty() && excludes(port, stranger.port))
                by = stranger.name + " (" + text(stranger.port) + ")";
        for (std::size_t j = 0; j < i; ++j)
            if (by.empty() && excludes(port, claim.ports[j])) by = "the same server twice";
        if (!by.empty()) return problem(code::port_conflict, "host port " + text(port) + " is held by " + by);
    }
    return std::nullopt;
}

std::optional<Problem> Ledger::resource_problem(const Claim& claim) const
{
    const Totals used = totals(claim.server);
    if (used.servers >= limits_.servers)
        return problem(code::insufficient_resources, "the node has " + std::to_string(used.servers) +
                                                         " servers, and its limit is " +
                                                         std::to_string(limits_.servers));
    if (auto problem = beyond_machine("memory", claim.memory, limits_.memory, limits_.machine_memory))
        return problem;
    if (auto problem = beyond_machine("disk", claim.disk, limits_.disk, limits_.machine_disk)) return problem;
    if (auto problem = beyond("memory", claim.memory, used.memory, limits_.memory)) return problem;
    if (limits_.disk != 0 && claim.disk == 0)
        return Problem{code::insufficient_resources,
                       "the server asks for disk space without a limit, and the node has " +
                           base::format_size(limits_.disk) + " for all servers. Give limits.disk."};
    return beyond("disk", claim.disk, used.disk, limits_.disk);
}

Ledger::Totals Ledger::totals(std::string_view without) const
{
    Totals out;
    for (const auto& [server, claim] : claims_) {
        if (server == without) continue;
        ++out.servers;
        out.memory = plus(out.memory, claim.memory);
        out.disk = plus(out.disk, claim.disk);
    }
    return out;
}

std::optional<std::pair<std::string, HostPort>> Ledger::holder(const HostPort& port,
                                                               std::string_view without) const
{
    for (const auto& [server, claim] : claims_) {
        if (server == without) continue;
        const auto found = std::find_if(claim.ports.begin(), claim.ports.end(),
                                        [&](const HostPort& each) { return excludes(each, port); });
        if (found != claim.ports.end()) return std::pair{server, *found};
    }
    return std::nullopt;
}

} // namespace agenthost::docker::ledger

#include "placement.hpp"

#include "base/units.hpp"
#include "image_rules.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace agenthost::hub {

namespace {

constexpr std::string_view no_space = "INSUFFICIENT_RESOURCES";

std::string percent(double share) { return std::to_string(std::lround(share * 100)) + " %"; }

std::string size_reason(const char* what, std::uint64_t wanted, std::uint64_t used, std::uint64_t total)
{
    return "it needs " + base::format_size(wanted) + " of " + what + ", and only " +
           base::format_size(total > used ? total - used : 0) + " of " + base::format_size(total) +
           " is free";
}

std::optional<Refusal> no_size(const ServerNeeds& needs, const Node& node)
{
    const auto refuse = [&](std::string reason) {
        return Refusal{node.agent, std::string{no_space}, std::move(reason)};
    };
    const Capacity& has = node.capacity;
    const Limits& want = needs.limits;
    const auto full = [](std::uint64_t wanted, std::uint64_t used, std::uint64_t total) {
        return used > total || wanted > total - used;
    };
    if (want.memory && has.memory && full(*want.memory, node.memory, *has.memory))
        return refuse(size_reason("memory", *want.memory, node.memory, *has.memory));
    if (want.disk && has.disk && full(*want.disk, node.disk, *has.disk))
        return refuse(size_reason("disk", *want.disk, node.disk, *has.disk));
    if (want.disk && has.disk_free && *want.disk > *has.disk_free)
        return refuse("it needs " + base::format_size(*want.disk) + " of disk, and only " +
                      base::format_size(*has.disk_free) + " is free on that file system");
    if (want.milli_cpus && has.milli_cpus && full(*want.milli_cpus, node.milli_cpus, *has.milli_cpus)) {
        const std::uint32_t left = *has.milli_cpus > node.milli_cpus ? *has.milli_cpus - node.milli_cpus : 0;
        return refuse("it needs " + format_cpus(*want.milli_cpus) + " cores, and only " + format_cpus(left) +
                      " of " + format_cpus(*has.milli_cpus) + " are free");
    }
    return std::nullopt;
}

std::optional<Refusal> no_port(const ServerNeeds& needs, const Node& node)
{
    const std::vector<PortRange>& allowed = node.capacity.ports;
    for (const HostPort& port : needs.ports) {
        const bool may =
            allowed.empty() || std::any_of(allowed.begin(), allowed.end(), [&](const PortRange& r) {
                return r.first <= port.port && port.port <= r.last;
            });
        if (!may)
            return Refusal{node.agent, "CONFIG_INVALID",
                           "servers of this agent may not use port " + to_string(port)};
        const auto taken = std::find_if(node.used.begin(), node.used.end(),
                                        [&](const UsedPort& used) { return overlap(used.port, port); });
        if (taken == node.used.end()) continue;
        return Refusal{node.agent, "PORT_CONFLICT",
                       "port " + to_string(port) + " is in use by " +
                           (taken->holder.empty() ? "another program" : "server " + taken->holder)};
    }
    return std::nullopt;
}

// Of those that fit, for people.
struct Candidate {
    const Node* node;
    NodeLoad load;
};

std::string explain(const std::vector<Candidate>& fits)
{
    const auto words = [](const Candidate& c) {
        return c.load.of.empty() ? std::string{"its load is not known"}
                                 : percent(c.load.share) + " of its " + c.load.of + " in use then";
    };
    const std::string first = words(fits.front());
    if (fits.size() == 1) return "the only agent that it fits on (" + first + ")";
    const Candidate& next = fits[1];
    return "the least loaded of " + std::to_string(fits.size()) + " agents that it fits on (" + first +
           "; next " + next.node->agent + ": " + words(next) + ")";
}

} // namespace

std::optional<Refusal> refusal(const ServerNeeds& needs, const Node& node)
{
    if (!node.online) return Refusal{node.agent, "AGENT_OFFLINE", "it is not connected"};
    if (!node.serves)
        return Refusal{node.agent, "UNSUPPORTED",
                       "it does not offer game servers; enable the plugin docker there"};
    if (!node.degraded.empty()) return Refusal{node.agent, "BUSY", "it is not healthy: " + node.degraded};
    if (node.capacity.images && !image_allowed(*node.capacity.images, needs.image))
        return Refusal{node.agent, "CONFIG_INVALID", "it does not allow the image " + needs.image};
    if (auto port = no_port(needs, node)) return port;
    return no_size(needs, node);
}

NodeLoad load_after(const ServerNeeds& needs, const Node& node)
{
    NodeLoad most{.share = -1};
    const auto consider = [&](double share, const char* of) {
        if (share > most.share) most = {share, of};
    };
    const auto used = [&](auto wanted, auto taken, auto total, const char* of) {
        if (total && *total > 0) consider(double(taken + wanted.value_or(0)) / double(*total), of);
    };
    const Capacity& has = node.capacity;
    used(needs.limits.memory, node.memory, has.memory, "memory");
    used(needs.limits.milli_cpus, node.milli_cpus, has.milli_cpus, "cores");
    used(needs.limits.disk, node.disk, has.disk, "disk");
    const auto reported = [&](const std::optional<double>& value, const char* of) {
        if (value && *value >= 0) consider(std::min(*value, 100.0) / 100, of);
    };
    reported(node.load.cpu, "processor");
    reported(node.load.memory, "machine's memory");
    reported(node.load.disk, "machine's disk");
    return most.share < 0 ? NodeLoad{} : most;
}

Placement place(const ServerNeeds& needs, std::span<const Node> nodes)
{
    Placement out;
    std::vector<Candidate> fits;
    for (const Node& node : nodes) {
        if (auto no = refusal(needs, node))
            out.refused.push_back(std::move(*no));
        else
            fits.push_back({&node, load_after(needs, node)});
    }
    if (fits.empty()) {
        out.code = out.refused.empty() ? "AGENT_OFFLINE" : out.refused.front().code;
        const bool same = std::all_of(out.refused.begin(), out.refused.end(),
                                      [&](const Refusal& r) { return r.code == out.code; });
        if (!same) out.code = no_space;
        out.why = out.refused.empty() ? "no agent that offers game servers is connected"
                                      : "the server fits on none of " + std::to_string(out.refused.size()) +
                                            (out.refused.size() == 1 ? " agent" : " agents");
        return out;
    }
    std::sort(fits.begin(), fits.end(), [](const Candidate& a, const Candidate& b) {
        return std::tuple{a.load.of.empty(), a.load.share, a.node->servers, std::string_view{a.node->agent}} <
               std::tuple{b.load.of.empty(), b.load.share, b.node->servers, std::string_view{b.node->agent}};
    });
    out.agent = fits.front().node->agent;
    out.why = explain(fits);
    return out;
}

} // namespace agenthost::hub

#include "unknown_keys.hpp"

#include "refusal.hpp"

#include "base/ascii.hpp"

#include <algorithm>
#include <array>

namespace agenthost::docker {

namespace {

constexpr std::size_t max_notes = 64, max_members = 1024;

// In lower case and without separators, in order.
constexpr std::array<std::string_view, 76> weakening{"allowprivilegeescalation",
                                                     "apparmor",
                                                     "apparmorprofile",
                                                     "autoremove",
                                                     "bindmounts",
                                                     "binds",
                                                     "capabilities",
                                                     "capadd",
                                                     "capdrop",
                                                     "cgroup",
                                                     "cgroupns",
                                                     "cgroupnsmode",
                                                     "cgroupparent",
                                                     "containeridfile",
                                                     "deviceallow",
                                                     "devicecgrouprules",
                                                     "devicerequests",
                                                     "devices",
                                                     "dns",
                                                     "dnsoptions",
                                                     "dnssearch",
                                                     "domainname",
                                                     "extrahosts",
                                                     "forceoutgoingip",
                                                     "gid",
                                                     "gpus",
                                                     "group",
                                                     "groupadd",
                                                     "hostconfig",
                                                     "hostname",
                                                     "hostnetwork",
                                                     "hostpid",
                                                     "ipc",
                                                     "ipcmode",
                                                     "isolation",
                                                     "labels",
                                                     "links",
                                                     "logconfig",
                                                     "macaddress",
                                                     "maskedpaths",
                                                     "mounts",
                                                     "network",
                                                     "networkdisabled",
                                                     "networkingconfig",
                                                     "networkmode",
                                                     "networks",
                                                     "nonewprivileges",
                                                     "oomdisabled",
                                                     "oomkilldisable",
                                                     "oomscoreadj",
                                                     "pid",
                                                     "pidmode",
                                                     "privileged",
                                                     "publishallports",
                                                     "readonly",
                                                     "readonlypaths",
                                                     "readonlyrootfs",
                                                     "restartpolicy",
                                                     "runtime",
                                                     "scriptisprivileged",
                                                     "seccomp",
                                                     "securityopt",
                                                     "securityopts",
                                                     "selinux",
                                                     "shmsize",
                                                     "storageopt",
                                                     "sysctls",
                                                     "tmpfs",
                                                     "ulimits",
                                                     "user",
                                                     "userns",
                                                     "usernsmode",
                                                     "uts",
                                                     "utsmode",
                                                     "volumes",
                                                     "volumesfrom"};
static_assert(std::is_sorted(weakening.begin(), weakening.end()));

std::string normal(std::string_view key)
{
    std::string out;
    for (const char c : key) {
        if (c == '_' || c == '-' || c == ' ' || c == '.') continue;
        out += base::to_lower(c);
    }
    return out;
}

bool asks_for_nothing(const std::string& key, const Json& value)
{
    const std::string name = normal(key);
    if (value.is_null()) return true;
    // Here false and an empty list are what weakens.
    if (name == "readonly" || name == "readonlyrootfs" || name == "nonewprivileges") return value == true;
    if (name == "maskedpaths" || name == "readonlypaths") return false;
    if (value.is_boolean()) return !value.get<bool>();
    if (value.is_number()) return value == 0;
    if (value.is_string()) return value.get_ref<const std::string&>().empty();
    return value.is_structured() && value.empty();
}

void refuse_if_weakening(const std::string& key, const Node& member)
{
    if (!weakens_isolation(key) || asks_for_nothing(key, member.json())) return;
    member.refuse(
        "would weaken the isolation of the server. Remove it; only this node's configuration decides about "
        "isolation.");
}

// All of a value that is foreign to us. The depth is bounded by parse_document.
void refuse_weakening(const Node& value)
{
    if (value.json().is_array()) {
        for (const Node& element : value.elements(max_document_values)) refuse_weakening(element);
    } else if (value.json().is_object()) {
        for (const auto& [key, member] : value.members(max_document_values)) {
            refuse_if_weakening(key, member);
            refuse_weakening(member);
        }
    }
}

} // namespace

void Notes::add(std::string_view path, std::string_view text)
{
    if (lines_.size() < max_notes) lines_.push_back(std::string{path} + ": " + std::string{text});
}

bool weakens_isolation(std::string_view key)
{
    return std::binary_search(weakening.begin(), weakening.end(), normal(key));
}

void check_keys(const Node& object, std::initializer_list<std::string_view> known, Notes& notes)
{
    for (const auto& [key, member] : object.members(max_members)) {
        if (std::find(known.begin(), known.end(), key) != known.end()) continue;
        refuse_if_weakening(key, member);
        if (asks_for_nothing(key, member.json())) continue;
        refuse_weakening(member);
        notes.add(member.path(), "is not used.");
    }
}

} // namespace agenthost::docker

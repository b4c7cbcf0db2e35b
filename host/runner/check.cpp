#include "check.hpp"

#include <agenthost/ext/check.h>
#include <agenthost/ext/state.h>

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>

namespace agenthost::host::runner {

namespace {

constexpr std::size_t max_reports = 100, max_text = 1024, max_config = 8 << 20;

// Acts as the host of an instance that only checks its configuration.
struct CheckHost {
    std::string state_directory;
};

agh_bytes state_directory(agh_host* host)
{
    const std::string& folder = reinterpret_cast<CheckHost*>(host)->state_directory;
    return {folder.data(), folder.size()};
}
constexpr agh_svc_state state_service{
    .size = sizeof(agh_svc_state), .reserved = 0, .directory = state_directory};

const void* service(agh_host*, const char* id)
{
    return std::strcmp(id, AGH_SVC_STATE) == 0 ? &state_service : nullptr;
}
agh_status complete(agh_host*, agh_req, const agh_reply*) { return AGH_E_STALE; }
agh_status progress(agh_host*, agh_req, agh_bytes) { return AGH_E_STALE; }
agh_status stream(agh_host*, agh_req, std::uint32_t, std::uint64_t, agh_bytes) { return AGH_E_STALE; }
std::int32_t cancelled(agh_host*, agh_req) { return 1; }
void drained(agh_host*) {}
constexpr agh_host_api check_api{.size = sizeof(agh_host_api),
                                 .abi_major = AGH_ABI_MAJOR,
                                 .abi_minor = AGH_ABI_MINOR,
                                 .reserved = 0,
                                 .service = service,
                                 .complete = complete,
                                 .progress = progress,
                                 .stream = stream,
                                 .cancelled = cancelled,
                                 .drained = drained};

// Returns the text as one line of bounded length.
std::string tidy(std::string_view text)
{
    std::string out{text.substr(0, max_text)};
    for (char& c : out)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    return out;
}
std::string_view view(agh_bytes bytes) { return {static_cast<const char*>(bytes.data), bytes.size}; }

void report(void* ctx, std::int32_t severity, agh_bytes key, agh_bytes text)
{
    auto& out = *static_cast<std::vector<CheckReport>*>(ctx);
    if (out.size() < max_reports)
        out.push_back({severity == AGH_CHECK_WARNING, tidy(view(key)), tidy(view(text))});
}

std::string reason(agh_error& error, const char* call)
{
    error.text[sizeof error.text - 1] = '\0';
    return error.text[0] ? tidy(error.text) : std::string{call} + "() failed and gave no reason";
}

void run_check(const agh_plugin_api& api, agh_plugin* plugin, const std::vector<std::string>& listeners,
               std::vector<CheckReport>& out)
{
    if (!AGH_HAS(&api, extension)) return;
    const auto* const table = static_cast<const agh_ext_check*>(api.extension(plugin, AGH_EXT_CHECK));
    if (table == nullptr || !AGH_HAS(table, check)) return;
    std::vector<agh_bytes> names;
    for (const std::string& name : listeners) names.push_back({name.data(), name.size()});
    const agh_check check{.size = sizeof(agh_check),
                          .reserved = 0,
                          .ctx = &out,
                          .report = report,
                          .listeners = names.data(),
                          .listener_count = names.size()};
    agh_error error{};
    error.size = sizeof error;
    if (table->check(plugin, &check, &error) < 0) out.push_back({false, {}, reason(error, "check")});
}

std::string read_all(int fd)
{
    std::string out;
    char block[16 << 10];
    while (out.size() < max_config) {
        const ssize_t n = ::read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        out.append(block, static_cast<std::size_t>(n));
    }
    return out;
}

} // namespace

std::vector<CheckReport> check_config(const agh_entry_v1& entry, const std::string& state_directory,
                                      std::string_view config, const std::vector<std::string>& listeners)
{
    std::vector<CheckReport> out;
    CheckHost host{state_directory};
    const agh_plugin_api* api = nullptr;
    agh_plugin* plugin = nullptr;
    agh_error error{};
    error.size = sizeof error;
    try {
        const agh_status made = entry.create(&check_api, reinterpret_cast<agh_host*>(&host),
                                             {config.data(), config.size()}, &api, &plugin, &error);
        if (made != AGH_OK || api == nullptr || !AGH_HAS(api, destroy)) {
            out.push_back({false, {}, reason(error, "create")});
            return out;
        }
        run_check(*api, plugin, listeners, out);
        api->destroy(plugin);
    } catch (const std::exception& e) { // forbidden by the ABI, but possible
        out.push_back({false, {}, tidy(std::string{"the plugin threw an exception: "} + e.what())});
    }
    return out;
}

std::string print_reports(const std::vector<CheckReport>& reports)
{
    std::string out;
    for (const CheckReport& r : reports)
        out += std::string{r.warning ? "warning" : "error"} + "\t" + r.key + "\t" + r.text + "\n";
    return out + "done\n";
}

bool parse_reports(std::string_view text, std::vector<CheckReport>& out)
{
    while (!text.empty()) {
        const auto end = text.find('\n');
        if (end == std::string_view::npos) return false;
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end + 1);
        if (line == "done") return text.empty();
        const auto first = line.find('\t'),
                   second = first == std::string_view::npos ? first : line.find('\t', first + 1);
        if (second == std::string_view::npos || out.size() > max_reports) return false;
        out.push_back({line.substr(0, first) == "warning",
                       std::string{line.substr(first + 1, second - first - 1)},
                       std::string{line.substr(second + 1)}});
    }
    return false;
}

int check_main(int argc, char** argv)
{
    const int answer = ::dup(1); // keep the plugin's own output out of the result
    ::dup2(2, 1);
    std::vector<CheckReport> reports;
    ::dlerror();
    void* const handle = ::dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
    const auto* const entry =
        handle ? static_cast<const agh_entry_v1*>(::dlsym(handle, AGH_ENTRY_SYMBOL)) : nullptr;
    if (entry == nullptr || entry->abi_major != AGH_ABI_MAJOR || entry->abi_minor_needed > AGH_ABI_MINOR ||
        !AGH_HAS(entry, create)) {
        const char* const why = handle ? nullptr : ::dlerror();
        reports.push_back(
            {false,
             {},
             tidy(std::string{"cannot be loaded: "} + (why ? why : "it is built for another ABI"))});
    } else {
        std::vector<std::string> listeners;
        for (int i = 4; i < argc; ++i) listeners.emplace_back(argv[i]);
        reports = check_config(*entry, argv[3], read_all(0), listeners);
    }
    const std::string text = print_reports(reports);
    for (std::size_t at = 0; at < text.size();) {
        const ssize_t n = ::write(answer, text.data() + at, text.size() - at);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return 1;
        at += static_cast<std::size_t>(n);
    }
    std::_Exit(0); // without running the destructors of the plugin's library
}

} // namespace agenthost::host::runner

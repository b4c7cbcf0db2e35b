#include "doctor.hpp"

#include "print.hpp"
#include "verbs.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <future>

namespace agenthost::host::cli {

namespace {

// Sixteen at a time, so that an unreachable server does not delay the others by its timeout.
void check_servers(Findings& findings, const Config& config, std::chrono::milliseconds timeout)
{
    constexpr std::size_t at_once = 16;
    for (std::size_t first = 0; first < config.servers.size(); first += at_once) {
        std::vector<std::future<Findings>> running;
        for (std::size_t i = first; i < std::min(config.servers.size(), first + at_once); ++i)
            running.push_back(std::async(std::launch::async, [&server = config.servers[i], timeout] {
                return check_server(server, timeout);
            }));
        for (auto& future : running)
            for (Finding& finding : future.get()) findings.push_back(std::move(finding));
    }
}

const char* to_string(Verdict verdict)
{
    return verdict == Verdict::good ? "OK" : verdict == Verdict::doubtful ? "WARN" : "FAIL";
}

void print(const Findings& findings)
{
    const bool colours = is_terminal(STDOUT_FILENO);
    std::size_t width = 0;
    for (const Finding& finding : findings) width = std::max(width, finding.area.size());
    for (const Finding& finding : findings) {
        const Colour colour = finding.verdict == Verdict::good       ? Colour::good
                              : finding.verdict == Verdict::doubtful ? Colour::doubtful
                                                                     : Colour::bad;
        std::string verdict = to_string(finding.verdict);
        verdict.resize(4, ' ');
        print_text(paint(verdict, colour, colours) + "  " + printable(finding.area) +
                   std::string(width - finding.area.size() + 2, ' ') + printable(finding.text) + "\n");
        if (!finding.remedy.empty())
            print_text(std::string(width + 8, ' ') + "-> " + printable(finding.remedy) + "\n");
    }
}

void print_json(const Findings& findings, bool good)
{
    nlohmann::ordered_json out{{"ok", good}, {"checks", nlohmann::ordered_json::array()}};
    for (const Finding& f : findings)
        out["checks"].push_back(
            {{"verdict", to_string(f.verdict)}, {"area", f.area}, {"text", f.text}, {"remedy", f.remedy}});
    print_text(out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

} // namespace

int doctor(const Context& context, std::chrono::milliseconds timeout)
{
    std::signal(SIGPIPE, SIG_IGN); // a peer that closes during TLS
    Findings findings;
    const LoadResult loaded = load_config(context.load);
    for (const ConfigProblem& problem : loaded.problems)
        findings.push_back(
            {Verdict::bad, "config", problem.text, "correct it; until then nothing else can be checked"});
    for (const std::string& warning : loaded.warnings)
        findings.push_back({Verdict::doubtful, "config", warning, ""});
    check_clock(findings);
    if (loaded.config) {
        std::string files;
        for (const std::string& file : loaded.config->files) files += (files.empty() ? "" : ", ") + file;
        findings.insert(findings.begin(),
                        {Verdict::good, "config", files.empty() ? "no file, only defaults" : files, ""});
        bool running = false;
        check_control(findings, context, running);
        check_state(findings, *loaded.config);
        check_limits(findings, *loaded.config);
        check_plugins(findings, *loaded.config);
        check_credentials(findings, *loaded.config);
        check_listeners(findings, *loaded.config, running);
        check_servers(findings, *loaded.config, timeout);
    }
    const auto count = [&](Verdict verdict) {
        return std::count_if(findings.begin(), findings.end(),
                             [&](const Finding& f) { return f.verdict == verdict; });
    };
    const auto bad = count(Verdict::bad), doubtful = count(Verdict::doubtful);
    if (context.json) {
        print_json(findings, bad == 0);
    } else {
        print(findings);
        print_text(std::to_string(findings.size()) +
                   " checks: " + (bad ? std::to_string(bad) + " failed, " : "nothing failed, ") +
                   std::to_string(doubtful) + (doubtful == 1 ? " warning\n" : " warnings\n"));
    }
    return !loaded.config ? bad_config : bad ? failed : ok;
}

} // namespace agenthost::host::cli

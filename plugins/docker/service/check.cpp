#include "check.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace agenthost::docker::service {

namespace {

// An engine may be installed or started later, so only health() reports its absence.
void check_socket(const Config& config, const Check& report)
{
    struct stat found {};
    if (::stat(config.socket.c_str(), &found) != 0) {
        if (errno != ENOENT) report.error("socket", config.socket + ": " + std::strerror(errno));
        return;
    }
    if (!S_ISSOCK(found.st_mode)) return report.error("socket", config.socket + " is not a socket");
    if (::access(config.socket.c_str(), R_OK | W_OK) != 0)
        report.error("socket", config.socket + ": " + std::strerror(errno) +
                                   ". Add the agent's user to the socket's group (docker)");
}

void check_folder(const Config& config, const Check& report)
{
    namespace fs = std::filesystem;
    std::error_code ignored;
    fs::path folder = config.policy.data_dir;
    while (!fs::exists(folder, ignored) && folder.has_relative_path()) folder = folder.parent_path();
    if (!fs::is_directory(folder, ignored))
        return report.error("data_dir", folder.string() + " is not a folder");
    if (::access(folder.c_str(), W_OK | X_OK) != 0)
        report.error("data_dir", folder.string() + ": " + std::strerror(errno));
    if (::geteuid() != 0 && ::geteuid() != config.policy.uid)
        report.error("uid", "the agent runs as user " + std::to_string(::geteuid()) +
                                " and cannot give files to user " + std::to_string(config.policy.uid) +
                                ". Run it as root, or leave uid and gid out");
}

} // namespace

void check(const Config& config, const Check& report)
{
    check_socket(config, report);
    check_folder(config, report);
    if (config.policy.images.empty())
        report.warning("allow_images", "no image is allowed, so no server can be created. Add patterns such "
                                       "as ghcr.io/pelican-eggs/*");
    if (const std::string problem = transfer::problem_of_ca(config.transfers); !problem.empty())
        report.error("transfers.tls_ca", problem);
    for (std::size_t i = 0; i < config.registries.size(); ++i) {
        const auto looked = base::look_at_secret_file(config.registries[i].password);
        const std::string key = "registries[" + std::to_string(i) + "].password";
        if (looked.verdict == base::SecretFile::Verdict::refused)
            report.error(key, looked.text);
        else if (looked.verdict == base::SecretFile::Verdict::doubtful)
            report.warning(key, looked.text);
    }
}

} // namespace agenthost::docker::service

#include "check.hpp"

#include "mark.hpp"
#include "store.hpp"

#include "netclient/tls.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>

namespace agenthost::storage {

namespace {

namespace fs = std::filesystem;

// The folder itself, or the existing one in which it would be created.
fs::path nearest_that_exists(fs::path path)
{
    std::error_code error;
    while (path.has_relative_path() && !fs::exists(path, error)) path = path.parent_path();
    return path;
}

void check_folder(const Config& config, const std::string& state, Check& report)
{
    const fs::path wanted = fs::path{config.storage_path}.lexically_normal();
    const fs::path folder = nearest_that_exists(wanted);
    std::error_code error;
    if (!fs::is_directory(folder, error))
        return report.error("storage_path",
                            folder.string() + " is not a folder; name one, it is created if it is missing");
    if (::access(folder.c_str(), R_OK | W_OK | X_OK) != 0)
        return report.warning("storage_path", folder.string() + " cannot be used by this user (" +
                                                  std::strerror(errno) +
                                                  "); the daemon's user needs to read and write it");
    const KnownStores known{state};
    try {
        Store::examine(config.storage_path, known.find(config.storage_path), known.file());
    } catch (const std::exception& e) {
        report.error("storage_path", e.what());
    }
}

} // namespace

void check_config(const Config& config, const std::string& state, Check& report)
{
    if (const std::string problem = problem_of_ca(config); !problem.empty()) report.error("tls_ca", problem);
    if (const std::string warning = reserve_warning(config); !warning.empty())
        report.warning("reserve_free", warning);
    check_folder(config, state, report);
}

} // namespace agenthost::storage

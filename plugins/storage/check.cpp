#include "check.hpp"

#include "kit/tls.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>

namespace agenthost::storage {

void check_config(const Config& config, Check& report)
{
    namespace fs = std::filesystem;
    if (!config.ca_file.empty()) {
        try {
            (void)kit::TlsContext{config.ca_file};
        } catch (const std::exception& e) {
            report.error("tls_ca", e.what());
        }
    }
    std::error_code error;
    if (const auto status = fs::status(config.storage_path, error);
        fs::exists(status) && !fs::is_directory(status))
        report.error("storage_path",
                     config.storage_path + " is not a folder; name one, it is made when it is missing");
    else if (fs::exists(status) && ::access(config.storage_path.c_str(), R_OK | W_OK | X_OK) != 0)
        report.warning("storage_path", config.storage_path + " cannot be used by this user (" +
                                           std::strerror(errno) +
                                           "); the daemon's user needs to read and write it");
}

} // namespace agenthost::storage

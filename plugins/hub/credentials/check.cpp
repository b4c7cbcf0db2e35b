#include "check.hpp"

#include "credentials_file.hpp"
#include "jwt.hpp"
#include "keys.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <filesystem>

namespace agenthost::hub {

namespace {

namespace fs = std::filesystem;

// `judge` returns the problem of the text; empty: none.
template <class Judge>
void check_secret(const char* key, const Secret& secret, base::SecretForm form, Check& report, Judge judge)
{
    if (secret.kind == Secret::Kind::none) return;
    std::string why;
    const auto text = base::read_secret(secret, why, form);
    if (text) {
        if (why = judge(*text); !why.empty()) report.error(key, secret.name + ": " + why);
    } else if (secret.kind == Secret::Kind::file)
        report.error(key, why);
    else // secrets that only the service has (environment, systemd) are not visible here
        report.warning(key, why);
}

// Checks the folder in which the hub will create `path`; the host creates the state directory.
void check_place(const char* key, const fs::path& path, const std::string& state, Check& report)
{
    const fs::path folder = path.parent_path();
    std::error_code error;
    if (folder == fs::path{state} && !fs::exists(folder, error)) return;
    if (!fs::is_directory(folder, error))
        report.error(key, folder.string() + " is not a folder. Create it, or name another one");
    else if (::access(folder.c_str(), W_OK | X_OK) != 0)
        report.warning(key, folder.string() + " cannot be written by this user (" + std::strerror(errno) +
                                "); the daemon's user needs to write it");
}

void check_places(const Config& config, const std::string& state, Check& report)
{
    std::error_code error;
    if (fs::is_directory(config.database, error))
        report.error("database", config.database + " is a folder; name a file");
    else
        check_place("database", config.database, state, report);
    const auto spool = fs::status(config.spool, error);
    if (!fs::exists(spool))
        check_place("spool", config.spool, state, report);
    else if (!fs::is_directory(spool))
        report.error("spool", config.spool + " is not a folder; name one, it is created if it is missing");
    else if (::access(config.spool.c_str(), W_OK | X_OK) != 0)
        report.warning("spool", config.spool + " cannot be written by this user (" + std::strerror(errno) +
                                    "); the daemon's user needs to write it");
    const std::string key = config.database + ".key";
    if (::access(key.c_str(), R_OK) != 0) return; // created at start-up, or not readable by this user
    try {
        (void)RootKey{key};
    } catch (const std::exception& e) {
        report.error("database", e.what());
    }
}

} // namespace

void check_config(const Config& config, const std::string& state, Check& report)
{
    if (!report.has_listener(config.listener))
        report.error("listener", "there is no listener \"" + config.listener +
                                     "\". Add it to listeners:, or name another here");
    using Form = base::SecretForm;
    check_secret("admin_token", config.admin_token, Form::line, report, too_short);
    check_secret("enroll_token", config.enroll_token, Form::line, report, too_short);
    std::string why;
    check_secret("jwt_secret", config.jwt_secret, Form::line, report,
                 [&](const std::string& text) { return Jwt::of_secret(text, why) ? std::string{} : why; });
    check_secret("jwt_key", config.jwt_key, Form::text, report, [&](const std::string& text) {
        return Jwt::of_private_key(text, why) ? std::string{} : why;
    });
    if (!config.credentials.empty() && !read_credentials_file(config.credentials, why))
        report.error("credentials", why);
    check_places(config, state, report);
}

} // namespace agenthost::hub

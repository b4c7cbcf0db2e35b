// Reads the secrets that the configuration names, and again when their files change: the credentials file,
// the admin and enroll tokens, the key that signs JWTs. On the worker; the first time in the hub's
// constructor.
//
// If a file cannot be read or is invalid, its last valid content stays in use, and the hub's health has the
// reason.
#pragma once

#include "features.hpp"
#include "plugins/hub/core/core.hpp"
#include "plugins/hub/core/watched_file.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace agenthost::hub {

class Secrets {
public:
    Secrets(Core& core, const Disk& disk, Agents& agents, Operators& operators)
        : core_{core}, disk_{disk}, agents_{agents}, operators_{operators}
    {}

    void reread();                             // blocking, without the lock
    [[nodiscard]] std::string problem() const; // of the last read; empty: none. Any thread

private:
    // Reads one file and applies its content; false, and the error in `why`, if it is invalid.
    using Read = std::function<bool(std::string& why)>;
    void credentials(std::string& problem);
    void bearer(const char* key, const Secret&, WatchedFile&,
                const std::function<void(const base::Sha256Digest&)>& set, std::string& problem);
    void jwt(std::string& problem);
    void set_jwt(std::shared_ptr<const Jwt>);
    void look(const std::string& path, WatchedFile&, const Read&, std::string& problem) const;

    Core& core_;
    const Disk& disk_;
    Agents& agents_;
    Operators& operators_;
    WatchedFile credentials_file_, admin_file_, enroll_token_file_, jwt_file_;
    bool first_ = true; // nothing has been read yet
    mutable std::mutex mutex_;
    std::string problem_; // under mutex_
};

} // namespace agenthost::hub

// The users that commands may run as. Made on the control thread: looking one up may take long (user.hpp).
#pragma once

#include "config.hpp"
#include "user.hpp"

#include <map>
#include <string>

namespace agenthost::terminal {

class Users {
public:
    explicit Users(const Config&); // throws Error
    [[nodiscard]] const User& standard() const { return standard_; }
    // The one that a caller names; empty: the standard one. Throws Error when callers may not name it.
    [[nodiscard]] const User& find(const std::string& run_as) const;

private:
    User standard_;
    std::map<std::string, User> allowed_;
};

} // namespace agenthost::terminal

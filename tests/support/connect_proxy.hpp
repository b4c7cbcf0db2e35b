// A real CONNECT proxy, in node: connect_proxy.js. Needs nodejs.
#pragma once

#include "support.hpp"

#include <stdexcept>
#include <string>

namespace agenthost::test {

class ConnectProxy {
public:
    explicit ConnectProxy(const std::string& user = {})
        : node_{{.argv = {"node", (source_dir() / "tests/support/connect_proxy.js").string(), user}}}
    {
        if (!wait_for([&] { return node_.out().find('\n') != std::string::npos || !node_.running(); }))
            throw std::runtime_error{"node does not start"};
        port_ = node_.out().substr(0, node_.out().find('\n'));
    }
    // `user`: "USER:PASSWORD", percent-encoded.
    [[nodiscard]] std::string url(const std::string& user = {}) const
    {
        return "http://" + user + (user.empty() ? "" : "@") + "127.0.0.1:" + port_;
    }
    // Did it print this line: "open HOST:PORT" or "refused HOST:PORT"?
    [[nodiscard]] bool saw(const std::string& line) const
    {
        return node_.out().find(line + "\n") != std::string::npos;
    }
    [[nodiscard]] int count(const std::string& line) const
    {
        const std::string out = node_.out();
        int n = 0;
        for (auto at = out.find(line + "\n"); at != std::string::npos; at = out.find(line + "\n", at + 1))
            ++n;
        return n;
    }
    [[nodiscard]] bool idle() const { return node_.out() == port_ + "\n"; }

private:
    Process node_;
    std::string port_;
};

} // namespace agenthost::test

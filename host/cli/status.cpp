// `agenthost status`: the daemon at a glance.
#include "print.hpp"
#include "status_text.hpp"
#include "verbs.hpp"

#include "netclient/control_client.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

namespace agenthost::host::cli {

int status(const Context& context)
{
    const netclient::ControlAnswer answer =
        netclient::ControlClient{context.control_socket()}.request("GET", "/v1/status");
    if (!answer.good()) {
        print_error(answer.error());
        return failed;
    }
    if (context.json) {
        print_text(answer.body.ends_with('\n') ? answer.body : answer.body + "\n");
        return ok;
    }
    const nlohmann::json status = answer.json();
    if (!status.is_object()) {
        print_error("the daemon's reply is not valid JSON; is the daemon a different version?");
        return failed;
    }
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::system_clock::now().time_since_epoch());
    print_text(status_text(status, now.count(), is_terminal(STDOUT_FILENO)));
    return ok;
}

} // namespace agenthost::host::cli

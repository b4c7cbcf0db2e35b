#include "daemon.hpp"

#include "netclient/call_reader.hpp"
#include "netclient/control_client.hpp"

#include <cstdlib>
#include <stdexcept>

namespace agenthost::printer::cli {

using Json = nlohmann::json;

std::string control_socket(const std::string& given)
{
    if (!given.empty()) return given;
    const char* const set = std::getenv("AGENTHOST_CONTROL");
    return set != nullptr && *set != '\0' ? set : "/run/agenthost/control.sock";
}

Json call_agent(const std::string& socket, std::string_view action, const Json& params)
{
    netclient::CallReader reader{
        {[](const Json&) {}, [](std::uint32_t, std::string_view) {}, [](std::uint32_t, std::uint64_t) {}}};
    const std::string body =
        Json{{"action", action}, {"params", params}}.dump(-1, ' ', false, Json::error_handler_t::replace);
    const netclient::ControlAnswer answer =
        netclient::ControlClient{socket}.request("POST", "/v1/call", body, std::chrono::milliseconds{0},
                                                 [&](std::string_view bytes) { reader.feed(bytes); });
    reader.end();
    if (!reader.result())
        throw std::runtime_error{answer.good() ? "the agent ended the call without a result; its log says why"
                                               : answer.error()};
    const Json& result = *reader.result();
    if (result.value("status", std::string{}) != "success")
        throw std::runtime_error{result.value("message", std::string{"failed"}) + " (" +
                                 result.value("code", std::string{"INTERNAL"}) + ")"};
    return result.value("data", Json::object());
}

} // namespace agenthost::printer::cli

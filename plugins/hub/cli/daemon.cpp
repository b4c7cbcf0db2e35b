#include "daemon.hpp"

#include "netclient/call_reader.hpp"
#include "netclient/control_client.hpp"

namespace agenthost::hub::cli {

using nlohmann::json;

Failed refusal(const json& error)
{
    const auto text = [&](const char* key) {
        const auto at = error.find(key);
        return at != error.end() && at->is_string() ? at->get<std::string>() : std::string{};
    };
    const std::string code = text("code"), message = text("message"), detail = text("detail");
    std::string what = message.empty() ? "refused" : message;
    if (!code.empty()) what += " (" + code + ")";
    if (!detail.empty() && detail != message) what += ": " + detail;
    // Not of an agent without the plugin that the command needs.
    if (code == "UNKNOWN_ACTION" && message.find("hub.") != message.npos)
        what += ". Is the hub plugin enabled? Set plugins.hub.enabled: true.";
    return Failed{what, code};
}

std::string request_text(const nlohmann::ordered_json& request)
{
    try {
        return request.dump();
    } catch (const json::exception&) {
        throw Failed{"an argument is not UTF-8 text. In a file's name, write such a byte as \\xHH, as "
                     "files ls shows it"};
    }
}

json call(const std::string& control, const Asked& asked)
{
    json body{{"action", asked.action}, {"params", asked.params}};
    if (asked.timeout_ms > 0) body["timeout_ms"] = asked.timeout_ms;
    std::string text = request_text(body);
    if (!asked.raw_params.empty()) {
        body.erase("params");
        text = request_text(body);
        text.pop_back();
        text += ",\"params\":" + asked.raw_params + "}";
    }
    netclient::CallReader reader{{}};
    const auto answer =
        netclient::ControlClient{control}.request("POST", "/v1/call", text, std::chrono::milliseconds{0},
                                                  [&](std::string_view bytes) { reader.feed(bytes); });
    reader.end();
    if (!answer.good()) throw Failed{answer.error()};
    if (!reader.result()) throw Failed{"the daemon's answer has no result; its log says why"};
    const json& result = *reader.result();
    if (result.value("status", "") != "success") throw refusal(result);
    const auto data = result.find("data");
    return data != result.end() && data->is_object() ? *data : json::object();
}

} // namespace agenthost::hub::cli

// The real printer.so in a FakeHost whose state folder stays when it ends.
#pragma once

#include "../../support/support.hpp"

#include <agenthost/testing/fake_host.hpp>
#include <agenthost/testing/load.hpp>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>

namespace agenthost::test {

using Json = nlohmann::json;
using testing::FakeReply;

class PrinterBox {
public:
    PrinterBox(const std::filesystem::path& state, Json config)
        : host_{testing::load_entry((plugin_dir() / "printer.so").string()), with_defaults(std::move(config)),
                state}
    {
        const testing::FakeOutcome started = host_.start();
        if (!started.ok()) throw std::runtime_error{started.code + ": " + started.text};
    }

    static std::string caller(const std::string& task)
    {
        Json caller{{"server", "shop"}, {"protocol", "print"}};
        if (!task.empty()) caller["task"] = task;
        return caller.dump();
    }
    agh_req begin(const std::string& action, const Json& params, const std::string& task = {},
                  std::optional<std::chrono::nanoseconds> timeout = std::nullopt)
    {
        return host_.invoke("printer." + action, params.dump(), {.caller = caller(task), .timeout = timeout});
    }
    FakeReply call(const std::string& action, const Json& params, const std::string& task = {})
    {
        return host_.wait_reply(begin(action, params, task), max_wait);
    }
    testing::FakeHost& host() { return host_; }
    // What the plugin reports of its printers.
    Json devices() { return Json::parse(host_.facts()["devices"], nullptr, false); }
    // Until as many printers are known: after a printer was plugged in.
    bool wait_devices(std::size_t count)
    {
        return wait_for([&] { return devices().is_array() && devices().size() == count; });
    }

private:
    struct Host : testing::FakeHost {
        Host(const agh_entry_v1& entry, std::string config, const std::filesystem::path& state)
            : FakeHost{entry, std::move(config)}
        {
            std::filesystem::remove_all(state_);
            state_ = state;
        }
        ~Host()
        {
            destroy();
            state_.clear();
        }
    };
    static std::string with_defaults(Json config)
    {
        config.emplace("usb", false);
        return config.dump();
    }
    Host host_;
};

inline Json data_of(const FakeReply& reply) { return Json::parse(reply.json, nullptr, false); }
inline std::string base64_of(std::string_view bytes)
{
    static constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t word = 0;
        for (std::size_t j = 0; j < 3; ++j)
            word = word << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0);
        for (std::size_t j = 0; j < 4; ++j)
            out += i + j <= bytes.size() ? letters[word >> (18 - 6 * j) & 63] : '=';
    }
    return out;
}

} // namespace agenthost::test

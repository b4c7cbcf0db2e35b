// A shop: a hub and an agent as real processes, an emulated USB printer "Kitchen" and a network printer "Bar" side by side. The
// agent loads the real printer plugin, which finds Kitchen by libusb through umockdev.
#pragma once

#include "../support/network_printer.hpp"
#include "../support/usbsim/client.hpp"
#include "hub.hpp"

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace agenthost::test {

class Shop {
public:
    Shop();

    // The agent starts, or starts again with its state. Waits until the hub has its heartbeat with both printers.
    void start_agent();
    void kill_agent(); // -9
    [[nodiscard]] Daemon& agent() { return *agent_; }

    // Of the hub's REST API; a failure is a test failure.
    std::string print(const nlohmann::json& order); // the task
    nlohmann::json task(const std::string& id);
    nlohmann::json ended(const std::string& id); // waits for it
    nlohmann::json printer(const std::string& alias);
    // Any action of the agent, as a command through the hub: its result.
    nlohmann::json command(const std::string& action,
                           const nlohmann::json& params = nlohmann::json::object());
    // `agenthost hub print ...`, `agenthost print ...`.
    Ran hub_print(std::vector<std::string> args);
    Ran agent_print(std::vector<std::string> args);
    // Waits until a printer's member has this value in the hub's REST API.
    bool printer_says(const std::string& alias, const std::string& member, const nlohmann::json& value);

    // What is on paper: the bytes without status queries and requests for proof.
    std::string kitchen_paper();

    UsbSim usb;
    NetworkPrinter bar{{}};
    Hub hub{false};

private:
    TempDir dir_;
    std::unique_ptr<Daemon> agent_;
};

// How often `part` is in `text`.
std::size_t count_of(const std::string& text, const std::string& part);

} // namespace agenthost::test

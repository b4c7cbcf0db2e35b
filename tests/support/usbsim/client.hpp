// Drives the program usbsim from a test: USB printers without hardware. The commands are listed in
// main.cpp.
//
//     test::UsbSim sim;
//     sim.add("kitchen", "serial=K0001");
//     sim.command("plug kitchen");
//
// The process that uses USB needs umockdev's preload library; link agenthost_usb_preload into a test
// program (it restarts itself once), or give a child preload() and UMOCKDEV_DIR.
#pragma once

#include "base/fd.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace agenthost::test {

class UsbSim {
public:
    // Starts usbsim; this process sees its devices from now on (UMOCKDEV_DIR). Throws std::runtime_error.
    UsbSim();
    ~UsbSim();
    UsbSim(const UsbSim&) = delete;
    UsbSim& operator=(const UsbSim&) = delete;

    // What a child needs to see the devices.
    [[nodiscard]] std::map<std::string, std::string> environment() const;
    [[nodiscard]] const std::string& root() const { return root_; }

    void add(const std::string& name, const std::string& fields = {})
    {
        command("add " + name + " " + fields);
    }
    // Returns the device's state. Throws std::runtime_error with usbsim's error.
    nlohmann::json command(const std::string& line);
    nlohmann::json state(const std::string& name) { return command("stat " + name); }
    int counter(const std::string& name, const std::string& counter);
    // All bytes that the printer has taken.
    std::string taken(const std::string& name);

private:
    nlohmann::json read_line();
    base::Fd in_, out_;
    pid_t pid_ = -1;
    std::string root_, unread_;
};

// The value of LD_PRELOAD: umockdev's library, behind the runtime of a sanitizer if this program has one.
std::string usb_preload();

} // namespace agenthost::test

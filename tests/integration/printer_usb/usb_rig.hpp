// A Bus on a loop of its own beside the emulated printers, and what a job does with a link, as plain calls.
#pragma once

#include "plugins/printer/usb/bus.hpp"
#include "tests/support/asio_loop.hpp"
#include "tests/support/usbsim/client.hpp"

#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agenthost::printer::usb {

using namespace std::chrono_literals;

// Without DLE, so that no byte is a question.
std::string job_bytes(std::size_t size, unsigned seed = 1);
Bytes bytes_of(std::string_view text);

class UsbRig : public ::testing::Test {
protected:
    UsbRig();
    ~UsbRig() override;

    // A device "a" that is plugged in, and the bus has seen it.
    void plug(const std::string& name = "a", const std::string& fields = {});
    void start_bus(Options options = {});
    void stop_bus() { bus_.reset(); }
    // Until as many printers are there.
    bool printers(std::size_t count);
    Facts only_printer();
    Opened open(const Model& model = {});
    Opened open(DeviceNumber number, const Model& model = {});
    std::unique_ptr<Link> link(const Model& model = {});
    Written write(Link&, std::string_view bytes);
    bool recover(Link&);
    void finish(Link&);
    // Runs the loop until the condition holds.
    template <class Condition> bool until(const Condition& condition)
    {
        return test::run_until(io_, condition);
    }
    // Until the device's state in usbsim is as wanted.
    bool state_is(const std::string& field, const nlohmann::json& value, const std::string& name = "a");
    bool counter_reaches(const std::string& counter, int value, const std::string& name = "a");

    test::UsbSim sim_;
    boost::asio::io_context io_;
    std::unique_ptr<Bus> bus_;
    int changes_ = 0;
    std::string node_folder() const { return sim_.root() + "/dev/bus/usb"; }
};

} // namespace agenthost::printer::usb

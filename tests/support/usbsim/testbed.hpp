// The machine that programs see instead of the real one: a root hub and the printers that are plugged in.
// Several devices.
//
// Threads: umockdev's own thread answers ioctls; a second thread moves bytes, unplugs and notices closed
// nodes; commands come from the main thread. All take lock().
#pragma once

#include "device.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace agenthost::usbsim {

class Testbed {
public:
    // Needs umockdev's preload library in this process. Throws std::runtime_error.
    Testbed();
    ~Testbed();
    Testbed(const Testbed&) = delete;
    Testbed& operator=(const Testbed&) = delete;

    // What a program gets as UMOCKDEV_DIR.
    [[nodiscard]] std::string root() const;
    // Devices are named by whoever drives the simulator. Throws for an unknown name.
    Device& add(const std::string& name, Spec);
    Device& device(const std::string& name);
    void plug(const std::string& name);
    void unplug(const std::string& name);
    [[nodiscard]] std::unique_lock<std::mutex> lock() { return std::unique_lock{mutex_}; }

private:
    struct Slot {
        Testbed* testbed;
        Device device;
        std::string sysfs; // empty: not plugged in
        Ref<UMockdevIoctlBase> handler;
    };
    static gboolean on_ioctl(UMockdevIoctlBase*, UMockdevIoctlClient*, gpointer slot);
    static void on_connected(UMockdevIoctlBase*, UMockdevIoctlClient*, gpointer slot);
    void add_root_hub();
    void add_hub(const std::string& port);
    void add_sysfs(const std::string& text);
    base::Fd make_fifo(const std::string& path) const;
    void tick();
    Slot& slot(const std::string& name);

    std::mutex mutex_;    // the devices
    std::mutex plugging_; // the tree
    Ref<UMockdevTestbed> testbed_;
    std::map<std::string, std::unique_ptr<Slot>> slots_;
    int last_number_ = 1;
    bool stopping_ = false;
    std::thread ticker_;
};

} // namespace agenthost::usbsim

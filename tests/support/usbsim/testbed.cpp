#include "testbed.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace agenthost::usbsim {

namespace {

constexpr std::chrono::milliseconds tick_interval{2};
constexpr const char* hub_descriptors =
    "12010002090001406b1d020012060302010109021900010100e0000904000001090000000705810304000c";

std::string three_digits(int number)
{
    std::array<char, 8> out{};
    std::snprintf(out.data(), out.size(), "%03d", number % 1000);
    return out.data();
}

std::string hex(const std::vector<std::uint8_t>& bytes)
{
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (const auto byte : bytes) out += {digits[byte >> 4], digits[byte & 15]};
    return out;
}

std::string hex4(unsigned value)
{
    return hex({static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value & 0xff)});
}

// The device in umockdev's own notation.
std::string record(const Spec& spec, const std::string& number)
{
    const std::string node = "/dev/bus/usb/001/" + number;
    std::string out =
        "P: /devices/usb1/" + spec.port + "\nE: SUBSYSTEM=usb\nE: DEVTYPE=usb_device\nE: DRIVER=usb\n";
    out += "E: BUSNUM=001\nE: DEVNUM=" + number + "\nE: DEVNAME=" + node + "\n";
    out += "E: PRODUCT=" + hex4(spec.vendor) + "/" + hex4(spec.product) + "/100\nE: TYPE=0/0/0\n";
    // As hex: a device's strings may be anything.
    const auto attribute = [&](const std::string& name, const std::string& value) {
        out += "H: " + name + "=" + hex({value.begin(), value.end()}) + "0a\n";
    };
    attribute("busnum", "1");
    attribute("devnum", std::to_string(std::stoi(number)));
    attribute("bConfigurationValue", "1");
    attribute("speed", spec.packet > 64 ? "480" : "12");
    attribute("idVendor", hex4(spec.vendor));
    attribute("idProduct", hex4(spec.product));
    attribute("manufacturer", spec.manufacturer);
    attribute("product", spec.model);
    if (!spec.serial.empty()) attribute("serial", spec.serial);
    out += "H: descriptors=" + hex(spec.descriptors()) + "\n\n";
    return out;
}

} // namespace

Testbed::Testbed() : testbed_{Ref<UMockdevTestbed>::adopt(umockdev_testbed_new())}
{
    add_root_hub();
    ticker_ = std::thread{[this] { tick(); }};
}

Testbed::~Testbed()
{
    {
        const auto held = lock();
        stopping_ = true;
    }
    ticker_.join();
}

std::string Testbed::root() const
{
    char* folder = umockdev_testbed_get_root_dir(testbed_.get());
    std::string out = folder;
    g_free(folder);
    return out;
}

void Testbed::add_sysfs(const std::string& text)
{
    GError* error = nullptr;
    if (umockdev_testbed_add_from_string(testbed_.get(), text.c_str(), &error)) return;
    const std::string message = error->message;
    g_error_free(error);
    throw std::runtime_error{message};
}

// Enumerating programs meet a device that is no printer.
void Testbed::add_root_hub()
{
    add_sysfs(
        "P: /devices/usb1\nN: bus/usb/001/001\nE: SUBSYSTEM=usb\nE: DEVTYPE=usb_device\nE: DRIVER=usb\n"
        "E: BUSNUM=001\nE: DEVNUM=001\nE: DEVNAME=/dev/bus/usb/001/001\nA: busnum=1\\n\nA: devnum=1\\n\n"
        "A: bConfigurationValue=1\\n\nA: speed=480\\n\n"
        "H: descriptors=" +
        std::string{hub_descriptors} + "\n\n");
}

// "1-2.4" is a port of the hub "1-2"; libusb counts ports by the hubs that it knows.
void Testbed::add_hub(const std::string& port)
{
    const auto end = port.rfind('.');
    if (end == std::string::npos) return;
    const std::string hub = port.substr(0, end);
    add_hub(hub);
    if (std::filesystem::exists(root() + "/sys/devices/usb1/" + hub)) return;
    const std::string number = three_digits(++last_number_), node = "bus/usb/001/" + number;
    add_sysfs("P: /devices/usb1/" + hub + "\nN: " + node +
              "\nE: SUBSYSTEM=usb\nE: DEVTYPE=usb_device\nE: BUSNUM=001\n" + "E: DEVNUM=" + number +
              "\nE: DEVNAME=/dev/" + node + "\nA: busnum=1\\n\nA: devnum=" + std::to_string(last_number_) +
              "\\n\nA: bConfigurationValue=1\\n\nA: speed=480\\n\nH: descriptors=" + hub_descriptors +
              "\n\n");
}

Testbed::Slot& Testbed::slot(const std::string& name)
{
    const auto found = slots_.find(name);
    if (found == slots_.end()) throw std::runtime_error{"no device is named " + name};
    return *found->second;
}

Device& Testbed::device(const std::string& name) { return slot(name).device; }

Device& Testbed::add(const std::string& name, Spec spec)
{
    const auto held = lock();
    if (slots_.contains(name)) throw std::runtime_error{"there is a device named " + name};
    auto next = std::make_unique<Slot>(
        Slot{this, Device{std::move(spec)}, {}, Ref<UMockdevIoctlBase>::adopt(umockdev_ioctl_base_new())});
    g_signal_connect(next->handler.get(), "handle-ioctl", G_CALLBACK(&Testbed::on_ioctl), next.get());
    g_signal_connect(next->handler.get(), "client-connected", G_CALLBACK(&Testbed::on_connected), next.get());
    return slots_.emplace(name, std::move(next)).first->second->device;
}

gboolean Testbed::on_ioctl(UMockdevIoctlBase*, UMockdevIoctlClient* client, gpointer data)
{
    auto& slot = *static_cast<Slot*>(data);
    const auto held = slot.testbed->lock();
    slot.device.serve(client);
    return TRUE;
}

void Testbed::on_connected(UMockdevIoctlBase*, UMockdevIoctlClient* client, gpointer data)
{
    auto& slot = *static_cast<Slot*>(data);
    const auto held = slot.testbed->lock();
    slot.device.connected(client);
}

// A regular file is always ready for poll(), so that libusb would spin. A FIFO is ready when the device
// says so.
base::Fd Testbed::make_fifo(const std::string& path) const
{
    std::filesystem::create_directories(std::filesystem::path{path}.parent_path());
    std::filesystem::remove(path);
    if (::mkfifo(path.c_str(), 0666) != 0) throw std::runtime_error{"mkfifo " + path};
    base::Fd out{::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC)};
    if (!out) throw std::runtime_error{"open " + path};
    ::fcntl(out.get(), F_SETPIPE_SZ, 4096); // one page: a single byte fills it for poll()
    return out;
}

void Testbed::plug(const std::string& name)
{
    const std::scoped_lock plugging{plugging_};
    Slot& at = slot(name);
    if (!at.sysfs.empty()) throw std::runtime_error{name + " is plugged in"};
    const Spec spec = at.device.spec;
    const std::string number = three_digits(++last_number_);
    const std::string node = "/dev/bus/usb/001/" + number;
    GError* error = nullptr;
    if (!umockdev_testbed_attach_ioctl(testbed_.get(), node.c_str(), at.handler.get(), &error)) {
        const std::string message = error->message;
        g_error_free(error);
        throw std::runtime_error{message};
    }
    const std::string folder = "/sys/devices/usb1/" + spec.port;
    const std::string interface_folder =
        root() + folder + "/" + spec.port + ":1." + std::to_string(spec.interface_number());
    {
        const auto held = lock();
        std::filesystem::create_directories(interface_folder);
        std::ofstream{interface_folder + "/bAlternateSetting"} << " 0\n";
        at.device.arrive(node, make_fifo(root() + node), interface_folder + "/driver");
    }
    at.sysfs = folder;
    add_hub(spec.port);
    add_sysfs(record(spec, number));
}

void Testbed::unplug(const std::string& name)
{
    const std::scoped_lock plugging{plugging_};
    Slot& at = slot(name);
    {
        const auto held = lock();
        at.device.leave();
    }
    if (at.sysfs.empty()) return;
    umockdev_testbed_uevent(testbed_.get(), at.sysfs.c_str(), "remove");
    umockdev_testbed_remove_device(testbed_.get(), at.sysfs.c_str());
    std::filesystem::remove_all(root() + at.sysfs);
    at.sysfs.clear();
}

void Testbed::tick()
{
    for (;;) {
        std::this_thread::sleep_for(tick_interval);
        std::vector<std::string> leaving;
        {
            const auto held = lock();
            if (stopping_) return;
            for (auto& [name, slot] : slots_) {
                slot->device.drop_dead_clients();
                slot->device.pump();
                if (std::exchange(slot->device.wants_to_leave, false)) leaving.push_back(name);
            }
        }
        for (const auto& name : leaving) unplug(name);
    }
}

} // namespace agenthost::usbsim

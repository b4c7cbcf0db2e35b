#include "gadget.hpp"

#include "tests/support/support.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>

namespace agenthost::test {

namespace {

namespace fs = std::filesystem;

const fs::path platform = "/sys/devices/platform";

// Files of sysfs and configfs take a value by one write.
void set(const fs::path& file, std::string_view value)
{
    const base::Fd opened{::open(file.c_str(), O_WRONLY | O_CLOEXEC)};
    if (!opened || ::write(opened.get(), value.data(), value.size()) < 0)
        throw std::runtime_error{"cannot write " + std::string{value} + " to " + file.string() + ": " +
                                 std::strerror(errno)};
}

// The name in `folder` that starts so; empty: there is none.
std::string entry(const fs::path& folder, const std::string& start)
{
    std::error_code none;
    for (const auto& one : fs::directory_iterator{folder, none})
        if (const std::string name = one.path().filename(); name.starts_with(start)) return name;
    return {};
}

fs::path bus_of(int socket)
{
    const fs::path host = platform / ("dummy_hcd." + std::to_string(socket));
    const std::string bus = entry(host, "usb");
    if (bus.empty())
        throw std::runtime_error{host.string() +
                                 " is no USB bus; start this program by tests/support/on_usb_kernel"};
    return host / bus;
}

void wait(const char* what, const std::function<bool()>& condition)
{
    if (!wait_for(condition)) throw std::runtime_error{std::string{"waited in vain until "} + what};
}

} // namespace

GadgetPrinter::GadgetPrinter(int socket)
    : socket_{"dummy_udc." + std::to_string(socket)}, device_path_{"/dev/g_printer" + std::to_string(socket)},
      gadget_{"/sys/kernel/config/usb_gadget/printer" + std::to_string(socket)}, bus_{bus_of(socket)}
{
    for (const char* folder : {"strings/0x409", "functions/printer.0", "configs/c.1"})
        fs::create_directories(gadget_ / folder);
    set(gadget_ / "idVendor", std::to_string(vendor));
    set(gadget_ / "idProduct", std::to_string(product));
    set(gadget_ / "strings/0x409/manufacturer", "Gadget");
    set(gadget_ / "strings/0x409/product", "Receipt printer");
    // One serial number for all, as on cheap printers.
    set(gadget_ / "strings/0x409/serialnumber", "CLONE001");
    set(gadget_ / "functions/printer.0/pnp_string", "MFG:Gadget;MDL:Receipt printer;CLS:PRINTER;");
    set(gadget_ / "functions/printer.0/q_len", "1"); // buffers, of 8 KiB
    fs::create_directory_symlink(gadget_ / "functions/printer.0", gadget_ / "configs/c.1/printer.0");
}

GadgetPrinter::~GadgetPrinter()
{
    if (reader_.joinable()) unplug();
    std::error_code ignored;
    for (const char* folder :
         {"configs/c.1/printer.0", "configs/c.1", "functions/printer.0", "strings/0x409", ""})
        fs::remove(gadget_ / folder, ignored);
}

void GadgetPrinter::plug()
{
    set(gadget_ / "UDC", socket_);
    open();
    reader_ = std::jthread{[this](const std::stop_token& stop) { read(stop); }};
    wait("usblp has the printer", [this] { return driver() == "usblp"; });
}

void GadgetPrinter::unplug()
{
    // Not by soft_connect: dummy_hcd corrupts a list when it is stopped with a transfer in its queue.
    reader_.request_stop();
    reader_.join();
    device_.reset();
    set(gadget_ / "UDC", "\n");
    wait("the printer has left", [this] { return !fs::exists(sysfs()); });
}

void GadgetPrinter::open()
{
    wait("the gadget's device can be opened", [&] {
        device_.reset(::open(device_path_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
        return bool{device_};
    });
    printer_.forget_stream();
    plugged_at_ = received().size();
}

void GadgetPrinter::read(const std::stop_token& stop)
{
    constexpr int patience_ms = 5;
    while (!stop.stop_requested()) {
        pollfd wanted{.fd = device_.get(), .events = POLLIN, .revents = 0};
        // Not even polled beyond the limit: that would give the kernel a buffer to fill.
        if (received().size() >= limit_)
            ::poll(nullptr, 0, patience_ms);
        else if (::poll(&wanted, 1, patience_ms) > 0)
            take();
    }
}

// Always a whole buffer of the kernel: it keeps the rest of one even when the printer is unplugged.
void GadgetPrinter::take()
{
    std::array<char, 8 * 1024> buffer{};
    const auto n = ::read(device_.get(), buffer.data(), buffer.size());
    if (n <= 0) return; // unplugged
    {
        const std::scoped_lock lock{mutex_};
        received_.append(buffer.data(), static_cast<std::size_t>(n));
        const std::string_view stream = std::string_view{received_}.substr(plugged_at_);
        printer_.look({reinterpret_cast<const std::uint8_t*>(stream.data()), stream.size()});
    }
    for (; !printer_.replies.empty(); printer_.replies.pop_front())
        if (::write(device_.get(), printer_.replies.front().data(), printer_.replies.front().size()) < 0)
            return; // unplugged
}

std::string GadgetPrinter::received() const
{
    const std::scoped_lock lock{mutex_};
    return received_;
}

std::string GadgetPrinter::port() const { return bus_.filename().string().substr(3) + "-1"; }
fs::path GadgetPrinter::sysfs() const { return bus_ / port(); }

std::string GadgetPrinter::driver() const
{
    std::error_code none;
    return fs::read_symlink(sysfs() / (port() + ":1.0") / "driver", none).filename();
}

fs::path GadgetPrinter::node() const
{
    const std::string uevent = read_file(sysfs() / "uevent"), key = "DEVNAME=";
    const auto at = uevent.find(key);
    return "/dev/" + uevent.substr(at + key.size(), uevent.find('\n', at) - at - key.size());
}

} // namespace agenthost::test

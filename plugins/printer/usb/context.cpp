#include "context.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace agenthost::printer::usb {

namespace {

std::string why_not(int error)
{
    if (std::string why = why_no_bus(); !why.empty()) return why;
    return std::string{"USB cannot be used: libusb says "} + libusb_strerror(error) +
           ". Look at /dev/bus/usb and its permissions, then restart the agent";
}

} // namespace

std::string why_no_bus()
{
    if (::access("/dev/bus/usb", F_OK) != 0)
        return "this machine shows no USB bus: /dev/bus/usb does not exist. Network printers work; in a "
               "container, pass "
               "--device /dev/bus/usb, on a server load its USB driver (modprobe xhci_pci), then restart the "
               "agent";
    if (::access("/sys/bus/usb/devices", F_OK) != 0)
        return "the USB devices of this machine cannot be listed: /sys/bus/usb/devices does not exist. Mount "
               "sysfs, then "
               "restart the agent";
    return {};
}

std::shared_ptr<Context> Context::open(std::string& why)
{
    libusb_context* raw = nullptr;
    if (const int error = libusb_init(&raw); error != 0) {
        why = why_not(error);
        return nullptr;
    }
    std::shared_ptr<Context> out{new Context{raw}};
    if (!out->epoll_) {
        why = std::string{"USB cannot be used: epoll_create1: "} + std::strerror(errno);
        return nullptr;
    }
    return out;
}

Context::Context(libusb_context* raw) : raw_{raw}, epoll_{::epoll_create1(EPOLL_CLOEXEC)}
{
    libusb_set_option(raw_, LIBUSB_OPTION_LOG_LEVEL, LIBUSB_LOG_LEVEL_NONE); // our messages say it better
    libusb_set_pollfd_notifiers(raw_, &on_added, &on_removed, this);
    const libusb_pollfd** list = libusb_get_pollfds(raw_);
    if (list == nullptr) return;
    for (const libusb_pollfd** at = list; *at != nullptr; ++at) on_added((*at)->fd, (*at)->events, this);
    libusb_free_pollfds(list);
}

Context::~Context()
{
    libusb_set_pollfd_notifiers(raw_, nullptr, nullptr, nullptr);
    libusb_exit(raw_);
}

void Context::on_added(int fd, short events, void* self)
{
    epoll_event event{.events = 0, .data = {.fd = fd}};
    if ((events & POLLIN) != 0) event.events |= EPOLLIN;
    if ((events & POLLOUT) != 0) event.events |= EPOLLOUT;
    ::epoll_ctl(static_cast<Context*>(self)->epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

void Context::on_removed(int fd, void* self)
{
    ::epoll_ctl(static_cast<Context*>(self)->epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void Context::handle_events(std::chrono::milliseconds wait)
{
    timeval time{.tv_sec = wait.count() / 1000, .tv_usec = wait.count() % 1000 * 1000};
    libusb_handle_events_timeout_completed(raw_, &time, nullptr);
}

} // namespace agenthost::printer::usb

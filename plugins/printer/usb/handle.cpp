#include "handle.hpp"

#include "kernel.hpp"

#include <unistd.h>

#include <fstream>
#include <string>
#include <utility>

namespace agenthost::printer::usb {

namespace {

constexpr const char* usual_driver = "usblp";
constexpr std::chrono::milliseconds claim_pause{50};

std::string own_name()
{
    std::string out;
    std::ifstream{"/proc/self/comm"} >> out;
    return out;
}

std::string holder_text(const std::vector<Holder>& holders, const std::string& driver)
{
    const std::string own = own_name();
    std::string out;
    for (const auto& holder : holders) {
        if (!out.empty()) out += ", ";
        out += (holder.name == own ? "another " : "") + holder.name + " (pid " + std::to_string(holder.pid) +
               ")";
    }
    if (!driver.empty() && driver != "usbfs")
        out += (out.empty() ? "" : ", ") + ("the kernel driver " + driver);
    return out.empty() ? "a program that this user may not see (fuser -v as root names it)" : out;
}

OpenError busy_error(const Facts& facts)
{
    const std::string driver = bound_driver(facts);
    const auto holders = holders_of(facts.node);
    return {OpenError::Kind::busy,
            described(facts) + " is held by " + holder_text(holders, driver) +
                ". End that program, or remove the printer's queue from CUPS (lpadmin -x)."};
}

} // namespace

OpenError denied_error(const Facts& facts)
{
    const std::string ids = vendor_product(facts);
    return {
        OpenError::Kind::denied,
        described(facts) + ": permission denied on " + facts.node +
            ". Write this line into /etc/udev/rules.d/70-agenthost-printer.rules: SUBSYSTEM==\"usb\", "
            "ENV{DEVTYPE}==\"usb_device\", ATTR{idVendor}==\"" +
            ids.substr(0, 4) + "\", ATTR{idProduct}==\"" + ids.substr(5) +
            "\", MODE=\"0660\", GROUP=\"lp\", ATTR{power/control}=\"on\" and add the agent's user to group "
            "lp; then plug the "
            "printer in again, or run udevadm control --reload && udevadm trigger --subsystem-match=usb."};
}

OpenError gone_error(const Facts& facts)
{
    return {OpenError::Kind::not_found,
            described(facts) +
                " is not there any more. Check its power and its cable; the job waits in the queue."};
}

Handle::Handle(DeviceRef device, libusb_device_handle* raw, Facts facts)
    : device_{std::move(device)}, raw_{raw}, facts_{std::move(facts)}
{
    ++device_.context()->handles;
}

Handle::~Handle()
{
    if (claimed_) libusb_release_interface(raw_, facts_.interface.number);
    if (attach_again_) libusb_attach_kernel_driver(raw_, facts_.interface.number);
    libusb_close(raw_);
    --device_.context()->handles;
    closed_.set_value();
}

// The steps after libusb_open; each returns nothing, or why it cannot go on.
struct Opening {
    Handle& handle;
    bool keep_detached;
    std::chrono::milliseconds claim_time;
    const Workers::Stop& stop;

    using Trouble = std::optional<OpenError>;

    [[nodiscard]] OpenError failure(int code, const char* what) const
    {
        const Facts& facts = handle.facts_;
        switch (code) {
        case LIBUSB_ERROR_ACCESS: return denied_error(facts);
        case LIBUSB_ERROR_NO_DEVICE:
        case LIBUSB_ERROR_NOT_FOUND: return gone_error(facts);
        case LIBUSB_ERROR_BUSY: return busy_error(facts);
        default:
            return {OpenError::Kind::unreachable, described(facts) + ": cannot " + what + ": " +
                                                      libusb_strerror(code) +
                                                      ". Check its cable, or switch it off and on."};
        }
    }

    [[nodiscard]] Trouble detach() const
    {
        const int number = handle.facts_.interface.number;
        const int active = libusb_kernel_driver_active(handle.raw_, number);
        if (active == LIBUSB_ERROR_NO_DEVICE) return gone_error(handle.facts_);
        if (active != 1) return std::nullopt;
        const std::string driver = bound_driver(handle.facts_);
        if (!driver.empty() && driver != usual_driver) return busy_error(handle.facts_);
        const int code = libusb_detach_kernel_driver(handle.raw_, number);
        if (code == 0) handle.attach_again_ = !keep_detached;
        if (code == 0 || code == LIBUSB_ERROR_NOT_FOUND) return std::nullopt; // NOT_FOUND: it went by itself
        return failure(code, "take its interface from usblp");
    }

    [[nodiscard]] Trouble claim() const
    {
        const auto end = std::chrono::steady_clock::now() + claim_time;
        for (;;) {
            if (auto trouble = detach()) return trouble;
            const int code = libusb_claim_interface(handle.raw_, handle.facts_.interface.number);
            handle.claimed_ = code == 0;
            if (code == 0) return std::nullopt;
            if (code != LIBUSB_ERROR_BUSY || std::chrono::steady_clock::now() >= end ||
                stop.wait(claim_pause))
                return failure(code, "claim its interface");
        }
    }

    // usblp may have left another setting than the first.
    [[nodiscard]] Trouble set_alternate() const
    {
        const Interface& interface = handle.facts_.interface;
        if (interface.alternates < 2 || current_alternate(handle.facts_) == interface.alternate)
            return std::nullopt;
        const int code = libusb_set_interface_alt_setting(handle.raw_, interface.number, interface.alternate);
        if (code == 0) return std::nullopt;
        return failure(code, "choose its alternate setting");
    }
};

OpenedHandle open_handle(const DeviceRef& device, const Facts& facts, bool keep_detached,
                         std::chrono::milliseconds claim_time, const Workers::Stop& stop)
{
    libusb_device_handle* raw = nullptr;
    const int code = libusb_open(device.raw(), &raw);
    if (code == LIBUSB_ERROR_ACCESS) return {nullptr, denied_error(facts)};
    if (code == LIBUSB_ERROR_NO_DEVICE || code == LIBUSB_ERROR_NOT_FOUND) return {nullptr, gone_error(facts)};
    if (code != 0)
        return {nullptr, OpenError{OpenError::Kind::unreachable,
                                   described(facts) + ": cannot open " + facts.node + ": " +
                                       libusb_strerror(code) + ". Switch the printer off and on."}};
    auto handle = std::make_shared<Handle>(device, raw, facts);
    const Opening opening{*handle, keep_detached, claim_time, stop};
    auto trouble = opening.claim();
    if (!trouble) trouble = opening.set_alternate();
    if (trouble) return {nullptr, std::move(trouble)}; // the handle restores what was changed
    return {std::move(handle), std::nullopt};
}

} // namespace agenthost::printer::usb

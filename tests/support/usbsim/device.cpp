#include "device.hpp"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace agenthost::usbsim {

namespace {

constexpr unsigned out_endpoint = 0x02, in_endpoint = 0x81;
constexpr std::uint32_t capabilities = USBDEVFS_CAP_ZERO_PACKET | USBDEVFS_CAP_BULK_CONTINUATION |
                                       USBDEVFS_CAP_NO_PACKET_SIZE_LIM | USBDEVFS_CAP_BULK_SCATTER_GATHER |
                                       USBDEVFS_CAP_REAP_AFTER_DISCONNECT;

template <class T> T* argument(UMockdevIoctlClient* client)
{
    auto* data = umockdev_ioctl_data_resolve(umockdev_ioctl_client_get_arg(client), 0, sizeof(T), nullptr);
    return reinterpret_cast<T*>(data->data);
}

const char* name_of(unsigned long request)
{
    switch (request) {
    case USBDEVFS_GET_CAPABILITIES: return "open";
    case USBDEVFS_CLAIMINTERFACE:
    case USBDEVFS_DISCONNECT_CLAIM: return "claim";
    case USBDEVFS_CONTROL: return "control";
    case USBDEVFS_CLEAR_HALT: return "clear_halt";
    case USBDEVFS_RELEASEINTERFACE: return "release";
    default: return "";
    }
}

} // namespace

usbdevfs_urb* Urb::raw() const { return reinterpret_cast<usbdevfs_urb*>(data->data); }

bool Device::hangs(unsigned long request) const
{
    return !faults.hang.empty() && faults.hang == name_of(request);
}

void Device::serve(Client client)
{
    drop_dead_clients();
    const unsigned long request = umockdev_ioctl_client_get_request(client);
    if (hangs(request)) {
        ++counters_["hanging"];
        hanging_.emplace_back(client);
        return;
    }
    const Answer reply = answer(client, request);
    umockdev_ioctl_client_complete(client, reply.error == 0 ? reply.result : -1, reply.error);
}

void Device::resume()
{
    faults.hang.clear();
    for (auto& client : std::exchange(hanging_, {})) serve(client.get());
}

Device::Answer Device::answer(Client client, unsigned long request)
{
    if (request == USBDEVFS_REAPURB || request == USBDEVFS_REAPURBNDELAY) return reap(client);
    if (request == USBDEVFS_DISCARDURB) return discard(client);
    if (!plugged) return {.error = ENODEV};
    switch (request) {
    case USBDEVFS_GET_CAPABILITIES: *argument<std::uint32_t>(client) = capabilities; return {};
    case USBDEVFS_GETDRIVER: return driver_of(client);
    case USBDEVFS_IOCTL: return driver_control(client);
    case USBDEVFS_CLAIMINTERFACE: return claim(client, false);
    case USBDEVFS_DISCONNECT_CLAIM: return claim(client, true);
    case USBDEVFS_RELEASEINTERFACE: return release(client);
    case USBDEVFS_SETCONFIGURATION: ++counters_["set_configuration"]; return {.error = owner_ ? EBUSY : 0};
    case USBDEVFS_SETINTERFACE: return set_interface(client);
    case USBDEVFS_CLEAR_HALT:
    case USBDEVFS_RESETEP: return clear_halt(client);
    case USBDEVFS_RESET:
        ++counters_["reset"];
        halted_ = false;
        finish_all(-EPROTO);
        return {};
    case USBDEVFS_CONTROL: return control(client);
    case USBDEVFS_SUBMITURB: return submit(client);
    default: ++counters_["unknown_ioctl"]; return {.error = ENOTTY};
    }
}

Device::Answer Device::reap(Client client)
{
    ++counters_["reap"];
    pump();
    auto& queue = done_[client];
    if (queue.empty()) return {.error = plugged ? EAGAIN : ENODEV};
    const Urb urb = std::move(queue.front());
    queue.pop_front();
    auto* slot =
        umockdev_ioctl_data_resolve(umockdev_ioctl_client_get_arg(client), 0, sizeof(void*), nullptr);
    umockdev_ioctl_data_set_ptr(slot, 0, urb.data.get());
    sync_poll();
    return {};
}

Device::Answer Device::discard(Client client)
{
    gulong address = 0;
    std::memcpy(&address, umockdev_ioctl_client_get_arg(client)->data, sizeof address);
    for (auto* queue : {&out_, &in_}) {
        const auto found = std::ranges::find_if(*queue, [&](const Urb& urb) {
            return urb.client.get() == client && urb.data->client_addr == address;
        });
        if (found == queue->end()) continue;
        ++counters_["discard"];
        Urb urb = std::move(*found);
        queue->erase(found);
        finish(std::move(urb), -ENOENT);
        return {};
    }
    return {.error = EINVAL};
}

Device::Answer Device::driver_of(Client client)
{
    auto* query = argument<usbdevfs_getdriver>(client);
    if (static_cast<int>(query->interface) != spec.interface_number()) return {.error = ENODATA};
    const std::string driver = owner_ ? "usbfs" : driver_;
    if (driver.empty()) return {.error = ENODATA};
    std::memset(query->driver, 0, sizeof query->driver);
    driver.copy(query->driver, sizeof query->driver - 1);
    return {};
}

Device::Answer Device::driver_control(Client client)
{
    const auto code = static_cast<unsigned>(argument<usbdevfs_ioctl>(client)->ioctl_code);
    if (code == USBDEVFS_DISCONNECT) {
        ++counters_["detach"];
        if (driver_.empty()) return {.error = ENODATA};
        bind_driver(false);
        return {};
    }
    if (code != USBDEVFS_CONNECT) return {.error = ENOTTY};
    ++counters_["attach"];
    if (owner_) return {.error = EBUSY};
    bind_driver(true);
    return {.result = 1};
}

void Device::bind_driver(bool bound)
{
    driver_ = bound ? "usblp" : "";
    ::unlink(driver_link_.c_str());
    if (bound && !driver_link_.empty() &&
        ::symlink("../../../../bus/usb/drivers/usblp", driver_link_.c_str()) != 0)
        ++counters_["no_driver_link"];
}

Device::Answer Device::claim(Client client, bool detach)
{
    ++counters_["claim"];
    if (static_cast<int>(*argument<unsigned>(client)) != spec.interface_number()) return {.error = EINVAL};
    if (detach && !driver_.empty()) {
        ++counters_["detach"];
        bind_driver(false);
    }
    if (faults.deny_driver > 0) {
        --faults.deny_driver;
        bind_driver(true);
    }
    if (faults.deny_claims > 0) {
        --faults.deny_claims;
        return {.error = EBUSY};
    }
    if (!driver_.empty() || (owner_ && owner_ != client)) return {.error = EBUSY};
    owner_ = client;
    return {};
}

Device::Answer Device::release(Client client)
{
    if (owner_ != client) return {.error = EINVAL};
    owner_ = nullptr;
    ++counters_["release"];
    return {};
}

Device::Answer Device::clear_halt(Client client)
{
    ++counters_["clear_halt"];
    if (faults.fail_clear_halt) return {.error = EPIPE};
    if (*argument<unsigned>(client) == in_endpoint)
        faults.stall_input = false;
    else
        halted_ = false;
    return {};
}

Device::Answer Device::set_interface(Client client)
{
    ++counters_["set_interface"];
    if (owner_ != client) return {.error = EINVAL};
    alternate_ = static_cast<int>(argument<usbdevfs_setinterface>(client)->altsetting);
    return {};
}

std::optional<std::vector<std::uint8_t>> Device::string_descriptor(unsigned index) const
{
    std::vector<std::uint8_t> out{0, 3};
    const std::string* texts[]{nullptr, &spec.manufacturer, &spec.model, &spec.serial};
    if (index >= std::size(texts)) return std::nullopt;
    if (index == 0) {
        out.insert(out.end(), {0x09, 0x04}); // English
    } else {
        for (const char c : *texts[index]) out.insert(out.end(), {static_cast<std::uint8_t>(c), 0});
    }
    out[0] = static_cast<std::uint8_t>(out.size());
    return out;
}

std::optional<std::vector<std::uint8_t>> Device::request(const std::uint8_t* setup)
{
    const unsigned type = setup[0], code = setup[1];
    const unsigned index = setup[4] | static_cast<unsigned>(setup[5]) << 8;
    const bool printer_class = spec.interface_class == 7;
    if (type == 0x80 && code == 6 && setup[3] == 3) return string_descriptor(setup[2]);
    if (printer_class && type == 0xa1 && code == 0 &&
        index >> 8 == static_cast<unsigned>(spec.interface_number())) {
        ++counters_["device_id"];
        const std::size_t size = spec.device_id.size() + 2;
        std::vector<std::uint8_t> out{static_cast<std::uint8_t>(size >> 8),
                                      static_cast<std::uint8_t>(size & 0xff)};
        out.insert(out.end(), spec.device_id.begin(), spec.device_id.end());
        return out;
    }
    if (printer_class && type == 0xa1 && code == 1 &&
        index == static_cast<unsigned>(spec.interface_number())) {
        ++counters_["port_status"];
        return std::vector{printer.port_status()};
    }
    if (type == 0x21 && code == 2) {
        ++counters_["soft_reset"];
        return std::vector<std::uint8_t>{};
    }
    ++counters_["unknown_request"];
    return std::nullopt;
}

// The blocking form, which needs no claim.
Device::Answer Device::control(Client client)
{
    auto* arg = umockdev_ioctl_data_resolve(umockdev_ioctl_client_get_arg(client), 0,
                                            sizeof(usbdevfs_ctrltransfer), nullptr);
    usbdevfs_ctrltransfer transfer{};
    std::memcpy(&transfer, arg->data, sizeof transfer);
    auto* buffer =
        umockdev_ioctl_data_resolve(arg, offsetof(usbdevfs_ctrltransfer, data), transfer.wLength, nullptr);
    const std::uint8_t setup[]{transfer.bRequestType,
                               transfer.bRequest,
                               static_cast<std::uint8_t>(transfer.wValue & 0xff),
                               static_cast<std::uint8_t>(transfer.wValue >> 8),
                               static_cast<std::uint8_t>(transfer.wIndex & 0xff),
                               static_cast<std::uint8_t>(transfer.wIndex >> 8)};
    const auto reply = request(setup);
    if (!reply) return {.error = EPIPE};
    const std::size_t size = std::min<std::size_t>(reply->size(), transfer.wLength);
    std::copy_n(reply->begin(), size, buffer->data);
    return {.result = static_cast<long>(size)};
}

Device::Answer Device::submit(Client client)
{
    ++counters_["submit"];
    auto* arg =
        umockdev_ioctl_data_resolve(umockdev_ioctl_client_get_arg(client), 0, sizeof(usbdevfs_urb), nullptr);
    auto* urb = reinterpret_cast<usbdevfs_urb*>(arg->data);
    auto* buffer = urb->buffer_length > 0
                       ? umockdev_ioctl_data_resolve(arg, offsetof(usbdevfs_urb, buffer),
                                                     static_cast<std::size_t>(urb->buffer_length), nullptr)
                       : nullptr;
    Urb next{Ref{arg}, Ref{buffer}, Ref{client}};
    if (urb->type == USBDEVFS_URB_TYPE_CONTROL) {
        if (faults.hang == "status") { // answered by nobody, so cancelled by its program
            in_.push_back(std::move(next));
            return {};
        }
        const auto reply = request(buffer->data);
        const std::size_t wanted = buffer->data[6] | static_cast<std::size_t>(buffer->data[7]) << 8;
        if (reply) {
            next.done = std::min(reply->size(), wanted);
            std::copy_n(reply->begin(), next.done, buffer->data + 8);
        }
        finish(std::move(next), reply ? 0 : -EPIPE);
        return {};
    }
    if (owner_ != client) return {.error = EINVAL};
    if (urb->endpoint == out_endpoint && urb->buffer_length == 0) ++counters_["zero_length"];
    if (urb->endpoint == out_endpoint && halted_)
        finish(std::move(next), -EPIPE);
    else if (urb->endpoint == out_endpoint)
        out_.push_back(std::move(next));
    else if (urb->endpoint == in_endpoint && spec.input)
        in_.push_back(std::move(next));
    else
        return {.error = ENOENT};
    pump();
    return {};
}

void Device::finish(Urb urb, int status)
{
    urb.raw()->status = status;
    urb.raw()->actual_length = static_cast<int>(urb.done);
    done_[urb.client.get()].push_back(std::move(urb));
    sync_poll();
}

void Device::finish_all(int status)
{
    for (auto* queue : {&out_, &in_})
        for (auto& urb : std::exchange(*queue, {})) finish(std::move(urb), status);
}

// How many of the next `wanted` bytes the printer takes now.
std::size_t Device::room(std::size_t wanted) const
{
    std::size_t out = wanted;
    const auto limit = [&](std::size_t at) { out = std::min(out, at - std::min(at, taken.size())); };
    for (const long at : {faults.stall_at, faults.proto_at, faults.nak_at, faults.unplug_at})
        if (at >= 0) limit(static_cast<std::size_t>(at));
    if (stopped_at_ && faults.buffer != SIZE_MAX) limit(*stopped_at_ + faults.buffer);
    if (faults.rate > 0) out = std::min(out, static_cast<std::size_t>(credit_));
    return out;
}

void Device::fault_output(int status)
{
    ++counters_["fault"];
    Urb failed = std::move(out_.front());
    out_.pop_front();
    finish(std::move(failed), status);
    while (!out_.empty() && out_.front().continues()) { // the kernel unlinks what belongs to it
        Urb rest = std::move(out_.front());
        out_.pop_front();
        finish(std::move(rest), -ECONNRESET);
    }
}

// False: nothing more can be moved now.
bool Device::pump_output()
{
    Urb& urb = out_.front();
    const std::size_t can = room(urb.length() - urb.done);
    if (can > 0) {
        taken.insert(taken.end(), urb.buffer->data + urb.done, urb.buffer->data + urb.done + can);
        urb.done += can;
        if (faults.rate > 0) credit_ -= static_cast<double>(can);
        printer.look(taken);
    }
    const auto reached = [&](long at) { return at >= 0 && taken.size() >= static_cast<std::size_t>(at); };
    if (reached(faults.stall_at)) {
        faults.stall_at = -1;
        halted_ = true;
        fault_output(-EPIPE);
        return true;
    }
    if (reached(faults.proto_at)) {
        faults.proto_at = -1;
        fault_output(-EPROTO);
        return true;
    }
    if (reached(faults.unplug_at)) {
        faults.unplug_at = -1;
        wants_to_leave = true;
        plugged = false;
        finish_all(faults.unplug_status);
        return false;
    }
    if (urb.done < urb.length()) return false;
    Urb complete = std::move(urb);
    out_.pop_front();
    finish(std::move(complete), 0);
    return true;
}

void Device::pump_input()
{
    while (plugged && !in_.empty() && in_.front().raw()->type != USBDEVFS_URB_TYPE_CONTROL &&
           (faults.stall_input || faults.empty_input || !printer.replies.empty())) {
        Urb urb = std::move(in_.front());
        in_.pop_front();
        if (faults.stall_input) {
            finish(std::move(urb), -EPIPE);
            continue;
        }
        ++counters_["input"];
        if (printer.replies.empty()) {
            finish(std::move(urb), 0);
            continue;
        }
        const auto bytes = std::move(printer.replies.front());
        printer.replies.pop_front();
        if (bytes.size() > urb.length()) {
            finish(std::move(urb), -EOVERFLOW);
            continue;
        }
        std::copy_n(bytes.begin(), bytes.size(), urb.buffer->data);
        urb.done = bytes.size();
        finish(std::move(urb), 0);
    }
}

void Device::pump()
{
    const auto now = std::chrono::steady_clock::now();
    if (faults.rate > 0) {
        constexpr double buffer = 4096; // what it takes at once after a pause of the program
        const double more = faults.rate * std::chrono::duration<double>(now - last_).count();
        // A printer that had bytes to take has worked all the time, however late this call is.
        credit_ = working_ ? credit_ + more : std::max(credit_, std::min(credit_ + more, buffer));
    }
    last_ = now;
    if (printer.ready())
        stopped_at_.reset();
    else if (!stopped_at_)
        stopped_at_ = taken.size();
    printer.settle();
    while (plugged && !out_.empty() && pump_output()) {}
    working_ = !out_.empty() && credit_ < 1;
    pump_input();
    sync_poll();
}

// One byte in the FIFO of one page leaves no room, so poll() says that it is not writable.
void Device::sync_poll()
{
    if (!fifo_) return;
    const bool ready =
        !plugged || std::ranges::any_of(done_, [](const auto& entry) { return !entry.second.empty(); });
    char byte = 0;
    if (ready && fifo_full_ && ::read(fifo_.get(), &byte, 1) == 1) fifo_full_ = false;
    if (!ready && !fifo_full_ && ::write(fifo_.get(), &byte, 1) == 1) fifo_full_ = true;
}

// umockdev 0.17 announces a signal for this and never emits it, so the property is polled.
void Device::drop_dead_clients()
{
    const auto dead = [&](const Ref<UMockdevIoctlClient>& client) {
        if (umockdev_ioctl_client_get_connected(client.get())) return false;
        ++counters_["closed"];
        if (owner_ == client.get()) owner_ = nullptr;
        for (auto* queue : {&out_, &in_})
            std::erase_if(*queue, [&](const Urb& urb) { return urb.client.get() == client.get(); });
        std::erase_if(hanging_, [&](const auto& waiting) { return waiting.get() == client.get(); });
        done_.erase(client.get());
        return true;
    };
    if (std::erase_if(clients_, dead) > 0) sync_poll();
}

void Device::arrive(std::string node, base::Fd fifo, std::string driver_link)
{
    plugged = true;
    wants_to_leave = halted_ = fifo_full_ = false;
    owner_ = nullptr;
    alternate_ = 0;
    node_ = std::move(node);
    fifo_ = std::move(fifo);
    driver_link_ = std::move(driver_link);
    bind_driver(spec.interface_class == 7);
    sync_poll();
}

void Device::leave()
{
    plugged = false;
    finish_all(-ESHUTDOWN);
    sync_poll();
}

void Device::clear()
{
    faults = {};
    taken.clear();
    counters_.clear();
    printer = {};
    stopped_at_.reset();
    credit_ = 0;
}

std::string Device::state() const
{
    nlohmann::json out{{"plugged", plugged},
                       {"node", node_},
                       {"bytes", taken.size()},
                       {"driver", driver_},
                       {"claimed", owner_ != nullptr},
                       {"halted", halted_},
                       {"alternate", alternate_},
                       {"open", clients_.size()},
                       {"in_flight", out_.size()},
                       {"reading", in_.size()},
                       {"replies", printer.replies.size()},
                       {"statuses", printer.statuses},
                       {"process_ids", printer.process_ids},
                       {"counters", counters_}};
    return out.dump();
}

} // namespace agenthost::usbsim

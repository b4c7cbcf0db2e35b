#include "spec.hpp"

#include <stdexcept>

namespace agenthost::usbsim {

namespace {

using Bytes = std::vector<std::uint8_t>;

std::uint8_t low(unsigned value) { return static_cast<std::uint8_t>(value & 0xff); }
std::uint8_t high(unsigned value) { return static_cast<std::uint8_t>(value >> 8); }

void append(Bytes& to, const Bytes& more) { to.insert(to.end(), more.begin(), more.end()); }

Bytes bulk_endpoint(std::uint8_t address, std::uint16_t packet)
{
    return {7, 5, address, 2, low(packet), high(packet), 0};
}

Bytes printer(const Spec& spec, int alternate, std::uint8_t protocol, bool input, bool endpoints = true)
{
    const auto count = static_cast<std::uint8_t>(!endpoints ? 0 : input ? 2 : 1);
    Bytes out{9,
              4,
              static_cast<std::uint8_t>(spec.interface_number()),
              static_cast<std::uint8_t>(alternate),
              count,
              spec.interface_class,
              1,
              protocol,
              0};
    if (endpoints) append(out, bulk_endpoint(0x02, spec.packet));
    if (endpoints && input) append(out, bulk_endpoint(0x81, spec.packet));
    return out;
}

Bytes interfaces(const Spec& spec)
{
    Bytes out;
    switch (spec.shape) {
    case Shape::plain: return printer(spec, 0, spec.input ? 2 : 1, spec.input);
    case Shape::mute: return printer(spec, 0, 1, false, false);
    case Shape::ipp: return printer(spec, 0, 4, true);
    case Shape::composite:
        out = {9, 4, 0, 0, 1, 3, 1, 1, 0, 7, 5, 0x83, 3, 8, 0, 10};
        append(out, printer(spec, 0, spec.input ? 2 : 1, spec.input));
        return out;
    case Shape::alternates:
        out = printer(spec, 0, 1, false);
        append(out, printer(spec, 1, 2, true));
        append(out, printer(spec, 2, 4, true));
        return out;
    }
    return out;
}

std::uint16_t hex16(std::string_view text)
{
    return static_cast<std::uint16_t>(std::stoul(std::string{text}, nullptr, 16));
}

Shape shape_of(std::string_view text)
{
    if (text == "plain") return Shape::plain;
    if (text == "composite") return Shape::composite;
    if (text == "alternates") return Shape::alternates;
    if (text == "ipp") return Shape::ipp;
    if (text == "mute") return Shape::mute;
    throw std::runtime_error{"unknown shape"};
}

} // namespace

std::vector<std::uint8_t> Spec::descriptors() const
{
    Bytes out{18, 1, 0, 2, 0, 0, 0, 64, low(vendor), high(vendor), low(product), high(product), 0, 1};
    append(out, {1, 2, static_cast<std::uint8_t>(serial.empty() ? 0 : 3), 1});
    const Bytes body = interfaces(*this);
    const auto total = static_cast<unsigned>(body.size() + 9);
    const std::uint8_t count = shape == Shape::composite ? 2 : 1;
    append(out, {9, 2, low(total), high(total), count, 1, 0, 0xc0, 50});
    append(out, body);
    return out;
}

void set_field(Spec& spec, std::string_view name, std::string_view value)
{
    if (name == "vid")
        spec.vendor = hex16(value);
    else if (name == "pid")
        spec.product = hex16(value);
    else if (name == "class")
        spec.interface_class = static_cast<std::uint8_t>(std::stoul(std::string{value}));
    else if (name == "packet")
        spec.packet = static_cast<std::uint16_t>(std::stoul(std::string{value}));
    else if (name == "in")
        spec.input = value != "0";
    else if (name == "shape")
        spec.shape = shape_of(value);
    else if (name == "serial")
        spec.serial = value;
    else if (name == "device_id")
        spec.device_id = value;
    else if (name == "model")
        spec.model = value;
    else if (name == "manufacturer")
        spec.manufacturer = value;
    else if (name == "port")
        spec.port = value;
    else
        throw std::runtime_error{"unknown field " + std::string{name}};
}

} // namespace agenthost::usbsim

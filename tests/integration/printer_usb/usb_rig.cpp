#include "usb_rig.hpp"

#include <random>

namespace agenthost::printer::usb {

std::string job_bytes(std::size_t size, unsigned seed)
{
    std::string out = test::random_bytes(size, seed);
    for (char& c : out)
        if (c == 0x10) c = ' ';
    return out;
}

Bytes bytes_of(std::string_view text)
{
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

UsbRig::UsbRig() = default;
UsbRig::~UsbRig() = default;

void UsbRig::plug(const std::string& name, const std::string& fields)
{
    sim_.add(name, fields);
    sim_.command("plug " + name);
}

void UsbRig::start_bus(Options options)
{
    bus_ = std::make_unique<Bus>(io_, std::move(options));
    bus_->start([this] { ++changes_; });
    ASSERT_TRUE(until([&] { return bus_->settled() && changes_ > 0; }));
}

bool UsbRig::printers(std::size_t count)
{
    return until([&] { return bus_->settled() && bus_->printers().size() == count; });
}

Facts UsbRig::only_printer()
{
    EXPECT_TRUE(printers(1));
    const auto found = bus_->printers();
    return found.empty() ? Facts{} : found.front();
}

Opened UsbRig::open(DeviceNumber number, const Model& model)
{
    return test::result_of<Opened>(io_, [&](auto done) {
        auto shared = std::make_shared<decltype(done)>(std::move(done));
        bus_->open(number, model, [shared](Opened opened) { (*shared)(std::move(opened)); });
    });
}

Opened UsbRig::open(const Model& model) { return open(only_printer().number, model); }

std::unique_ptr<Link> UsbRig::link(const Model& model)
{
    auto opened = open(model);
    EXPECT_FALSE(opened.error) << opened.error->message;
    return std::move(opened.link);
}

Written UsbRig::write(Link& link, std::string_view bytes)
{
    return test::result_of<Written>(io_, [&](auto done) { link.write(bytes_of(bytes), done); });
}

bool UsbRig::recover(Link& link)
{
    return test::result_of<bool>(io_, [&](auto done) { link.recover(done); });
}

void UsbRig::finish(Link& link)
{
    test::result_of<bool>(io_, [&](auto done) { link.finish(done); });
}

bool UsbRig::state_is(const std::string& field, const nlohmann::json& value, const std::string& name)
{
    return until([&] { return sim_.state(name).at(field) == value; });
}

bool UsbRig::counter_reaches(const std::string& counter, int value, const std::string& name)
{
    return until([&] { return sim_.counter(name, counter) >= value; });
}

} // namespace agenthost::printer::usb

#include "config.hpp"

#include "plugins/printer/content/profile.hpp"

#include "base/json_units.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <utility>

namespace agenthost::printer::service {

namespace {

using Json = nlohmann::json;

constexpr std::chrono::milliseconds least_timeout{100}, most_timeout{600'000};

[[noreturn]] void refuse(const std::string& path, const std::string& why)
{
    throw std::runtime_error{path + ": " + why};
}

std::string text_of(const Json& object, const char* key) { return object.value(key, std::string{}); }

std::uint16_t id_of(const Json& device, const char* key, const std::string& path)
{
    const auto found = device.find(key);
    if (found == device.end()) return 0;
    const auto id = usb_id(*found);
    if (!id) refuse(path + "." + key, "is not a USB id. Write it as 0x04b8, or as a number.");
    return *id;
}

void read_place(const Json& json, const std::string& path, DeviceConfig& to)
{
    to.wanted.vendor = id_of(json, "vendor_id", path);
    to.wanted.product = id_of(json, "product_id", path);
    to.wanted.serial = text_of(json, "serial");
    to.wanted.port = text_of(json, "port");
    const std::string address = text_of(json, "address");
    if (!address.empty() && to.wanted.anything())
        refuse(path, "has an address and USB keys. Give one of them.");
    if (address.empty() && !to.wanted.anything())
        refuse(path, "names no printer. Give vendor_id and product_id, serial, port, or address.");
    if (address.empty()) return;
    std::string why;
    to.address = network::parse_address(address, why);
    if (!to.address) refuse(path + ".address", '"' + address + "\" " + why + ".");
}

DeviceConfig read_device(const Json& json, const std::string& path)
{
    DeviceConfig out;
    out.alias = text_of(json, "alias");
    out.role = text_of(json, "role");
    for (const auto& [key, text] : {std::pair{".alias", &out.alias}, std::pair{".role", &out.role}})
        if (!is_label(*text)) refuse(path + key, "must be at most 128 bytes without control characters.");
    out.is_default = json.value("default", false);
    read_place(json, path, out);
    if (const auto overrides = json.find("overrides"); overrides != json.end()) out.profile = *overrides;
    if (const auto profile = json.find("profile"); profile != json.end()) out.profile["profile"] = *profile;
    const ProfileOrProblem checked = configured_profile(out.profile, "default", path + ".overrides");
    if (!checked.problem.message.empty()) throw std::runtime_error{checked.problem.message};
    return out;
}

// Two devices of one name, or two defaults: nobody could say which is meant.
void check_unique(const std::vector<DeviceConfig>& devices)
{
    for (std::size_t i = 0; i < devices.size(); ++i)
        for (std::size_t j = 0; j < i; ++j) {
            const std::string path = "devices[" + std::to_string(i) + "]";
            if (!devices[i].alias.empty() && devices[i].alias == devices[j].alias)
                refuse(path + ".alias", "\"" + devices[i].alias + "\" is also the alias of devices[" +
                                            std::to_string(j) + "]. Give each printer its own.");
            if (devices[i].is_default && devices[j].is_default)
                refuse(path + ".default", "devices[" + std::to_string(j) + "] is the default already.");
            if (!devices[i].address && !devices[j].address && devices[i].wanted == devices[j].wanted)
                refuse(path, "means the same printer as devices[" + std::to_string(j) +
                                 "]. Remove one of them, or give each its serial or port.");
            if (devices[i].address && devices[i].address == devices[j].address)
                refuse(path + ".address", "is also the address of devices[" + std::to_string(j) + "].");
        }
}

template <class Read> void read_size(const Json& config, const char* key, Read read)
{
    const auto found = config.find(key);
    if (found == config.end()) return;
    std::string why;
    const auto size = base::size_in(*found, why);
    if (!size) refuse(key, why + ".");
    if (*size == 0) refuse(key, "must be more than 0.");
    read(*size);
}

} // namespace

bool is_label(std::string_view text)
{
    constexpr std::size_t max = 128;
    return text.size() <= max &&
           std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

std::optional<std::uint16_t> usb_id(const Json& value)
{
    constexpr std::uint64_t max = 0xffff;
    if (value.is_number_unsigned() || value.is_number_integer()) {
        const auto number = value.get<std::int64_t>();
        if (number < 0 || number > static_cast<std::int64_t>(max)) return std::nullopt;
        return static_cast<std::uint16_t>(number);
    }
    if (!value.is_string()) return std::nullopt;
    std::string_view text = value.get_ref<const std::string&>();
    if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
    std::uint16_t id = 0;
    constexpr int hexadecimal = 16;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id, hexadecimal);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return id;
}

Config parse_config(std::string_view text)
{
    const Json json = Json::parse(text.empty() ? "{}" : text, nullptr, false);
    if (!json.is_object()) throw std::runtime_error{"must be an object"};
    Config out;
    const Json devices = json.value("devices", Json::array());
    for (std::size_t i = 0; i < devices.size(); ++i)
        out.devices.push_back(read_device(devices[i], "devices[" + std::to_string(i) + "]"));
    check_unique(out.devices);
    const Json allowed = json.value("allow_addresses", Json::array());
    for (std::size_t i = 0; i < allowed.size(); ++i) {
        std::string why;
        const auto entry = allowed[i].get<std::string>();
        if (!out.allowed.add(entry, why))
            refuse("allow_addresses[" + std::to_string(i) + "]", '"' + entry + "\" " + why + ".");
    }
    out.usb = json.value("usb", true);
    read_size(json, "max_job_bytes", [&](std::uint64_t size) { out.max_job_bytes = size; });
    read_size(json, "queue_bytes", [&](std::uint64_t size) { out.queue.bytes = size; });
    const std::uint64_t share = out.queue.bytes - out.queue.bytes / 8;
    if (!json.contains("max_job_bytes")) out.max_job_bytes = std::min(out.max_job_bytes, share);
    // One server may fill seven eighths of the queue: a larger job would be refused for ever.
    if (out.max_job_bytes > share)
        refuse("queue_bytes", "is " + std::to_string(out.queue.bytes) +
                                  ", and seven eighths of it must hold a job of " +
                                  std::to_string(out.max_job_bytes) +
                                  " bytes (max_job_bytes). Raise it, or lower max_job_bytes.");
    out.queue.jobs = json.value("queue_jobs", out.queue.jobs);
    if (const auto found = json.find("connect_timeout"); found != json.end()) {
        std::string why;
        const auto time = base::duration_in(*found, why);
        if (!time) refuse("connect_timeout", why + ".");
        if (*time < least_timeout || *time > most_timeout)
            refuse("connect_timeout", "must be from 100ms to 10m.");
        out.connect_timeout = *time;
    }
    return out;
}

} // namespace agenthost::printer::service

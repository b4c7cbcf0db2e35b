#include "device_id.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace agenthost::printer {

namespace {

// GET_DEVICE_ID answers with at most this much: its length has two bytes.
constexpr std::size_t max_raw = 65'535;

struct Key {
    std::string_view name;
    std::string DeviceId::*field;
};
constexpr std::array<Key, 11> keys{{
    {"MFG", &DeviceId::manufacturer},
    {"MANUFACTURER", &DeviceId::manufacturer},
    {"MDL", &DeviceId::model},
    {"MODEL", &DeviceId::model},
    {"CMD", &DeviceId::commands},
    {"COMMAND SET", &DeviceId::commands},
    {"SN", &DeviceId::serial},
    {"SERN", &DeviceId::serial},
    {"SER", &DeviceId::serial},
    {"SERIALNUMBER", &DeviceId::serial},
    {"SERIAL NUMBER", &DeviceId::serial},
}};

bool printable(char c) { return c >= 0x20 && c < 0x7F; }

std::string_view trim(std::string_view text)
{
    while (!text.empty() && (!printable(text.front()) || text.front() == ' ')) text.remove_prefix(1);
    while (!text.empty() && (!printable(text.back()) || text.back() == ' ')) text.remove_suffix(1);
    return text;
}

bool same_key(std::string_view word, std::string_view key)
{
    return std::ranges::equal(word, key, [](char a, char b) {
        return std::toupper(static_cast<unsigned char>(a)) == static_cast<unsigned char>(b);
    });
}

// The length bytes are big-endian as the standard says, little-endian on some clones; they count themselves
// or they do not.
std::string_view without_length(std::string_view raw)
{
    if (raw.size() < 2) return raw;
    const auto high = static_cast<unsigned char>(raw[0]), low = static_cast<unsigned char>(raw[1]);
    const auto fits = [&](std::size_t length) { return length == raw.size() || length + 2 == raw.size(); };
    const bool length = fits(high * 256U + low) || fits(low * 256U + high);
    return length || !printable(raw[0]) ? raw.substr(2) : raw;
}

void keep(DeviceId& id, std::string_view key, std::string_view value)
{
    for (const Key& known : keys) {
        if (!same_key(key, known.name)) continue;
        std::string& field = id.*known.field;
        if (!field.empty()) return;
        for (const char c : value.substr(0, max_device_id_value))
            if (printable(c)) field += c;
        return;
    }
}

} // namespace

DeviceId parse_device_id(std::string_view raw)
{
    DeviceId id;
    raw = without_length(raw.substr(0, max_raw));
    while (!raw.empty()) {
        const std::size_t end = std::min(raw.find(';'), raw.size());
        const std::string_view pair = raw.substr(0, end);
        if (const std::size_t colon = pair.find(':'); colon != pair.npos)
            keep(id, trim(pair.substr(0, colon)), trim(pair.substr(colon + 1)));
        raw.remove_prefix(std::min(end + 1, raw.size()));
    }
    return id;
}

} // namespace agenthost::printer

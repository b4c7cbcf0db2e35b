#include "minecraft.hpp"

#include "base/json_depth.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace agenthost::docker::service {

namespace {

constexpr std::size_t max_name = 64;

void append_varint(std::string& out, std::uint32_t value)
{
    while (value >= 0x80) {
        out += static_cast<char>((value & 0x7f) | 0x80);
        value >>= 7;
    }
    out += static_cast<char>(value);
}

void append_packet(std::string& out, std::string_view packet)
{
    append_varint(out, static_cast<std::uint32_t>(packet.size()));
    out += packet;
}

// Taken from the front. nullopt: incomplete, or `wrong`.
std::optional<std::uint32_t> take_varint(std::string_view& from, bool& wrong)
{
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 5; ++i) {
        if (i >= from.size()) return std::nullopt;
        const auto byte = static_cast<unsigned char>(from[i]);
        value |= static_cast<std::uint32_t>(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) != 0) continue;
        from.remove_prefix(i + 1);
        return value;
    }
    wrong = true;
    return std::nullopt;
}

int count_of(const nlohmann::json& object, const char* key)
{
    const auto at = object.find(key);
    if (at == object.end() || !at->is_number_integer()) return 0;
    return static_cast<int>(std::clamp<std::int64_t>(at->get<std::int64_t>(), 0, 1'000'000));
}

} // namespace

std::string minecraft_request(std::string_view host, std::uint16_t port)
{
    std::string packet;
    append_varint(packet, 0);          // handshake
    append_varint(packet, 0xffffffff); // no particular version
    append_varint(packet, static_cast<std::uint32_t>(host.size()));
    packet += host;
    packet += static_cast<char>(port >> 8);
    packet += static_cast<char>(port & 0xff);
    append_varint(packet, 1); // the status is wanted
    std::string out;
    append_packet(out, packet);
    append_packet(out, std::string_view{"\0", 1}); // the request for it
    return out;
}

MinecraftReader::Is MinecraftReader::push(std::string_view bytes)
{
    if (bytes_.size() + bytes.size() > max_answer) return Is::wrong;
    bytes_ += bytes;
    std::string_view rest = bytes_;
    bool wrong = false;
    const auto length = take_varint(rest, wrong);
    if (!length) return wrong ? Is::wrong : Is::incomplete;
    if (*length > max_answer) return Is::wrong;
    if (rest.size() < *length) return Is::incomplete;
    rest = rest.substr(0, *length);
    const auto id = take_varint(rest, wrong), size = take_varint(rest, wrong);
    if (!id || *id != 0 || !size || *size > rest.size()) return Is::wrong;
    return read(rest.substr(0, *size)) ? Is::complete : Is::wrong;
}

bool MinecraftReader::read(std::string_view text)
{
    const auto json = base::parse_json<nlohmann::json>(text);
    if (!json.is_object()) return false;
    const auto players = json.find("players");
    if (players == json.end() || !players->is_object()) return true; // hidden by the server
    players_.online = count_of(*players, "online");
    players_.max = count_of(*players, "max");
    const auto sample = players->find("sample");
    if (sample == players->end() || !sample->is_array()) return true;
    for (const auto& one : *sample) {
        const auto name = one.is_object() ? one.find("name") : one.end();
        if (!one.is_object() || name == one.end() || !name->is_string()) continue;
        if (players_.list.size() >= max_names) break;
        players_.list.push_back(name->get<std::string>().substr(0, max_name));
    }
    return true;
}

} // namespace agenthost::docker::service

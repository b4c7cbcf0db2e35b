#include "entries.hpp"

#include <cstring>

namespace agenthost::docker::console {

namespace {

// flags, 0, length (16 bits), stamp (64 bits), text. Native byte order: the bytes never leave the machine.
constexpr std::size_t head_size = 12;
constexpr unsigned char kind_bit = 0x10, continues_bit = 0x20, counted_bit = 0x40, open_bit = 0x80;

} // namespace

const char* to_string(Stream stream)
{
    switch (stream) {
    case Stream::out: return "stdout";
    case Stream::err: return "stderr";
    case Stream::note: break;
    }
    return "note";
}

void pack(std::string& to, const Item& item)
{
    char head[head_size] = {};
    unsigned flags = static_cast<unsigned>(item.stream);
    if (item.kind == Item::Kind::container) flags |= kind_bit;
    if (item.continues) flags |= continues_bit;
    if (item.counted) flags |= counted_bit;
    if (item.open) flags |= open_bit;
    head[0] = static_cast<char>(flags);
    const auto text = item.text.substr(0, max_entry);
    const auto length = static_cast<std::uint16_t>(text.size());
    std::memcpy(head + 2, &length, sizeof length);
    std::memcpy(head + 4, &item.stamp_ns, sizeof item.stamp_ns);
    to.append(head, head_size).append(text);
}

std::optional<Item> unpack(std::string_view& packed)
{
    if (packed.size() < head_size) return std::nullopt;
    const auto flags = static_cast<unsigned char>(packed[0]);
    std::uint16_t length = 0;
    std::memcpy(&length, packed.data() + 2, sizeof length);
    if (length > max_entry || packed.size() - head_size < length || (flags & 0x0f) > 2) return std::nullopt;
    Item item;
    item.kind = (flags & kind_bit) != 0 ? Item::Kind::container : Item::Kind::entry;
    item.stream = static_cast<Stream>(flags & 0x0f);
    item.continues = (flags & continues_bit) != 0;
    item.counted = (flags & counted_bit) != 0;
    item.open = (flags & open_bit) != 0;
    std::memcpy(&item.stamp_ns, packed.data() + 4, sizeof item.stamp_ns);
    item.text = packed.substr(head_size, length);
    packed.remove_prefix(head_size + length);
    return item;
}

} // namespace agenthost::docker::console

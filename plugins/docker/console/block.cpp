#include "block.hpp"

#include <cstring>

namespace agenthost::docker::console {

namespace {

// Also identifies files of another byte order or an older format. These are dropped; the engine's log still
// has the output.
constexpr std::uint32_t magic = 0x31434841; // "AHC1"

struct Head {
    std::uint32_t magic = console::magic;
    std::uint32_t kind = 0;
    std::uint64_t first = 0;
    std::uint32_t entries = 0;
    std::uint32_t size = 0; // of the body
    std::uint64_t checksum = 0;
};
static_assert(sizeof(Head) == 32);

// Detects torn writes, not tampering; 8 bytes per step.
std::uint64_t mix(std::uint64_t sum, std::string_view bytes)
{
    constexpr std::uint64_t prime = 0x9e3779b97f4a7c15;
    const auto step = [&sum](std::uint64_t word) {
        sum = (sum ^ word) * prime;
        sum ^= sum >> 29;
    };
    step(bytes.size());
    std::uint64_t word = 0;
    for (; bytes.size() >= sizeof word; bytes.remove_prefix(sizeof word)) {
        std::memcpy(&word, bytes.data(), sizeof word);
        step(word);
    }
    word = 0;
    if (!bytes.empty()) std::memcpy(&word, bytes.data(), bytes.size());
    step(word);
    return sum;
}

std::uint64_t checksum(Head head, std::string_view body)
{
    head.checksum = 0;
    return mix(mix(0, {reinterpret_cast<const char*>(&head), sizeof head}), body);
}

struct Start {
    std::int64_t since_ns = 0, newest_ns = 0;
    std::uint32_t taken = 0, unused = 0;
};

} // namespace

std::string write_block(const Block& block)
{
    Head head;
    head.kind = static_cast<std::uint32_t>(block.kind);
    head.first = block.first;
    head.entries = block.entries;
    head.size = static_cast<std::uint32_t>(block.body.size());
    head.checksum = checksum(head, block.body);
    std::string out;
    out.reserve(sizeof head + block.body.size());
    out.append(reinterpret_cast<const char*>(&head), sizeof head).append(block.body);
    return out;
}

std::optional<Block> BlockReader::next()
{
    const auto rest = bytes_.substr(at_);
    Head head;
    if (rest.size() < sizeof head) return std::nullopt;
    std::memcpy(&head, rest.data(), sizeof head);
    if (head.magic != magic || rest.size() - sizeof head < head.size) return std::nullopt;
    const auto body = rest.substr(sizeof head, head.size);
    if (head.checksum != checksum(head, body)) return std::nullopt;
    at_ += sizeof head + body.size();
    return Block{static_cast<Block::Kind>(head.kind), head.first, head.entries, body};
}

std::string write_start(const Mark& mark)
{
    const Start start{mark.log.since_ns, mark.log.newest_ns, mark.log.taken, 0};
    const std::string body =
        std::string{reinterpret_cast<const char*>(&start), sizeof start} + mark.container;
    return write_block({Block::Kind::start, mark.next, 0, body});
}

std::optional<Mark> read_start(const Block& block)
{
    Start start;
    if (block.kind != Block::Kind::start || block.body.size() < sizeof start) return std::nullopt;
    std::memcpy(&start, block.body.data(), sizeof start);
    Mark mark;
    mark.next = block.first;
    mark.container = block.body.substr(sizeof start);
    mark.log = {start.since_ns, start.taken, start.newest_ns};
    return mark;
}

} // namespace agenthost::docker::console

#include "replay.hpp"

#include <algorithm>

namespace agenthost::wire {
namespace {

// Limits how long a record from a damaged file is kept; a clock set back by less than this loses no nonce.
constexpr std::int64_t longest = 24 * 3600 * 1000;

// FNV-1a with a final mix, implemented here because stored records require that the hash never changes.
std::uint64_t hash(std::string_view agent_id, std::string_view nonce, std::uint64_t seed)
{
    std::uint64_t h = 0xcbf29ce484222325ull ^ seed;
    const auto eat = [&](std::string_view text) {
        for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
    };
    eat(agent_id);
    h = (h ^ 0x100) * 0x100000001b3ull; // a separator that is no byte value: "a","bc" and "ab","c" differ
    eat(nonce);
    h = (h ^ h >> 33) * 0xff51afd7ed558ccdull;
    h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53ull;
    return h ^ h >> 33;
}

std::uint64_t number_at(std::string_view bytes, std::size_t begin)
{
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < 8; ++i)
        word |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[begin + i])) << 8 * i;
    return word;
}

} // namespace

std::array<char, ReplayWindow::Record::size> ReplayWindow::Record::bytes() const
{
    std::array<char, size> out{};
    std::size_t at = 0;
    for (const std::uint64_t word : {high, low, static_cast<std::uint64_t>(until)}) {
        for (std::size_t i = 0; i < 8; ++i) out[at++] = static_cast<char>(word >> 8 * i);
    }
    return out;
}

ReplayWindow::Record ReplayWindow::Record::of(std::string_view bytes)
{
    return {number_at(bytes, 0), number_at(bytes, 8), static_cast<std::int64_t>(number_at(bytes, 16))};
}

void ReplayWindow::forget(std::int64_t now)
{
    while (!expiries_.empty() && expiries_.top().until < now) {
        const Expiry gone = expiries_.top();
        expiries_.pop();
        until_.erase(gone.key);
        forgotten_ = std::max(forgotten_, gone.until);
    }
}

void ReplayWindow::remember(const Record& record)
{
    const Key key{record.high, record.low};
    if (until_.emplace(key, record.until).second) expiries_.push({record.until, key});
}

NonceBook::Verdict ReplayWindow::admit(std::string_view agent_id, std::string_view nonce, std::int64_t ts,
                                       std::int64_t now, Record* record)
{
    forget(now);
    const Record made{hash(agent_id, nonce, 0), hash(agent_id, nonce, 0x9e3779b97f4a7c15ull),
                      ts + reach.count()};
    if (made.until <= forgotten_ || until_.contains({made.high, made.low})) return NonceBook::Verdict::seen;
    if (until_.size() >= capacity_) return NonceBook::Verdict::full;
    remember(made);
    if (record) *record = made;
    return NonceBook::Verdict::fresh;
}

std::vector<ReplayWindow::Record> ReplayWindow::snapshot(std::int64_t now)
{
    forget(now);
    std::vector<Record> out;
    out.reserve(until_.size());
    for (const auto& [key, until] : until_) out.push_back({key.high, key.low, until});
    return out;
}

bool ReplayWindow::restore(const Record& record, std::int64_t now)
{
    const Record sane{record.high, record.low, std::min(record.until, now + longest)};
    if (sane.until < now) {
        forgotten_ = std::max(forgotten_, sane.until);
        return true;
    }
    if (until_.contains({sane.high, sane.low})) return true;
    if (until_.size() >= capacity_) return false;
    remember(sane);
    return true;
}

NonceBook::Verdict ReplayBook::admit(std::string_view agent_id, std::string_view nonce, std::int64_t ts)
{
    ReplayWindow::Record record;
    const Verdict verdict = window_.admit(agent_id, nonce, ts, utc_ms_(), &record);
    if (verdict == Verdict::fresh && keep_ && !keep_(record)) return Verdict::full;
    return verdict;
}

} // namespace agenthost::wire

#include "receipt_printer.hpp"

#include <algorithm>
#include <array>

namespace agenthost::usbsim {

namespace {

constexpr std::array<std::uint8_t, 7> process_id{0x1d, 0x28, 0x48, 0x06, 0x00, 0x30, 0x30};
constexpr std::size_t process_id_size = process_id.size() + 4;

bool starts_with(std::span<const std::uint8_t> text, std::span<const std::uint8_t> with)
{
    return text.size() >= with.size() && std::ranges::equal(text.first(with.size()), with);
}

// Whether `text` may become a command that has its last bytes still to come.
bool unfinished(std::span<const std::uint8_t> text)
{
    if (text.size() < 3 && (text[0] == 0x10 || text[0] == 0x1d)) return true;
    if (text.size() >= process_id_size) return false;
    const auto known = std::min(text.size(), process_id.size());
    return std::ranges::equal(text.first(known), std::span{process_id}.first(known));
}

} // namespace

std::uint8_t ReceiptPrinter::status(int n) const
{
    constexpr std::uint8_t fixed = 0x12;
    switch (n) {
    case 1: return static_cast<std::uint8_t>(fixed | (ready() ? 0 : 0x08));
    case 2: return static_cast<std::uint8_t>(fixed | (cover_open ? 0x04 : 0) | (paper_out ? 0x20 : 0));
    case 4: return static_cast<std::uint8_t>(fixed | (paper_out ? 0x60 : 0));
    default: return fixed;
    }
}

std::uint8_t ReceiptPrinter::port_status() const
{
    if (forced_port_status >= 0) return static_cast<std::uint8_t>(forced_port_status);
    if (paper_out) return 0x38;
    return ready() ? 0x18 : 0x08;
}

void ReceiptPrinter::look(std::span<const std::uint8_t> taken)
{
    while (looked_ < taken.size()) {
        const auto text = taken.subspan(looked_);
        if (unfinished(text)) return;
        if (text[0] == 0x10 && text[1] == 0x04 && text[2] >= 1 && text[2] <= 4) {
            ++statuses;
            if (answers_status) replies.push_back({status(text[2])});
            looked_ += 3;
        } else if (text[0] == 0x1d && text[1] == 0x72 && (text[2] == 1 || text[2] == 49)) {
            ++statuses;
            if (answers_status) replies.push_back({static_cast<std::uint8_t>(paper_out ? 0x0c : 0)});
            looked_ += 3;
        } else if (starts_with(text, process_id)) {
            ++process_ids;
            const auto id = text.subspan(process_id.size(), 4);
            if (answers_process_id) unprinted_.push_back({0x37, 0x22, id[0], id[1], id[2], id[3], 0});
            looked_ += process_id_size;
        } else {
            ++looked_;
        }
    }
    settle();
}

void ReceiptPrinter::settle()
{
    if (!ready()) return;
    for (auto& answer : unprinted_) replies.push_back(std::move(answer));
    unprinted_.clear();
}

void ReceiptPrinter::forget_stream()
{
    looked_ = 0;
    replies.clear();
    unprinted_.clear();
    statuses = process_ids = 0;
}

} // namespace agenthost::usbsim

#include "status.hpp"

#include <string_view>

namespace agenthost::printer {

namespace {

constexpr std::uint8_t dle = 0x10, eot = 0x04, gs = 0x1D;

} // namespace

std::string reason(const Status& status)
{
    std::string text;
    const auto add = [&](bool holds, std::string_view what) {
        if (!holds) return;
        if (!text.empty()) text += "; ";
        text += what;
    };
    add(status.powering_off, "the printer is switching off");
    add(status.paper_out, "the paper is out");
    add(status.cover_open, "the cover is open");
    add(status.cutter, "the cutter is jammed");
    add(status.unrecoverable, "the printer has an error that only switching it off and on can clear");
    add(status.error && !status.cutter && !status.unrecoverable,
        "the printer has an error; look for a paper jam or a hot print head");
    const bool explained = status.paper_out || status.cover_open || status.error || status.powering_off;
    add(status.offline && !explained, "the printer is offline");
    add(status.paper_low && !status.paper_out, "the paper is nearly out");
    return text;
}

std::vector<std::uint8_t> command(Question question)
{
    switch (question) {
    case Question::paper_sensor: return {gs, 'r', 1};
    case Question::drawer_sensor: return {gs, 'r', 2};
    case Question::model_number: return {gs, 'I', 1};
    case Question::type_byte: return {gs, 'I', 2};
    case Question::firmware_byte: return {gs, 'I', 3};
    default: return {dle, eot, static_cast<std::uint8_t>(question)};
    }
}

} // namespace agenthost::printer

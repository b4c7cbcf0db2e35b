// Removes terminal queries from a replay of a terminal's output. The program already received its answers
// long ago; answers to the replay would be typed into it.
//
// Removed: device attributes (DA, DECID), status and cursor reports (DSR), DECRQM, DECRQSS, XTGETTCAP,
// XTVERSION, kitty's keyboard query and graphics, window and colour reports (OSC 4, 10 to 19, 52 and others
// with "?"), ENQ, tmux's passthrough. Everything else stays, byte for byte. Sans-io: text may be split
// anywhere. Bound: 4 KiB held; a longer sequence that may be a query is removed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace agenthost::hub::cli {

class ReplayFilter {
public:
    std::string feed(std::string_view bytes);
    std::string
    finish(); // the replay is over: the sequence that is not complete yet, which goes on in the live output

private:
    enum class State : std::uint8_t { ground, escape, intermediate, c1, csi, text, text_escape, text_c1 };
    enum class Kind : std::uint8_t { osc, dcs, apc };
    static constexpr std::size_t max_held = 4096;

    void take(unsigned char byte, std::string& out);
    void take_escape(unsigned char byte, std::string& out);
    void take_csi(unsigned char byte, std::string& out);
    void take_text(unsigned char byte, std::string& out);
    void begin(unsigned char byte, State);
    void begin_text(Kind);
    void hold(unsigned char byte);
    void end(bool keep, std::string& out);
    [[nodiscard]] bool csi_is_query(unsigned char final) const;
    [[nodiscard]] bool text_is_query() const;

    State state_ = State::ground;
    Kind kind_ = Kind::osc;
    bool passing_ = false;    // a string sequence that is not a query: its bytes are passed on
    bool dropping_ = false;   // the rest of a query, or of a sequence too long to decide
    std::string held_, body_; // the sequence as it came; what follows its introducer
};

} // namespace agenthost::hub::cli

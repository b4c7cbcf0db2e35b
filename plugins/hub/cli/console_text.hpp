// Makes a game's console output harmless for a terminal: text, line breaks, tabs and colours (SGR) pass.
//
// Other escape sequences are removed with everything in them (titles, the clipboard, cursor moves, queries that a
// terminal answers as if typed), and so are other control characters. A carriage return within a line begins a
// new line, since it would cover the one before. Sans-io: output may be split anywhere. Bound: 64 bytes held.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace agenthost::hub::cli {

class ConsoleText {
public:
    std::string feed(std::string_view bytes);
    // The output is over: ends a colour that is still on.
    std::string finish();

private:
    enum class State : std::uint8_t { text, escape, intermediate, csi, string, string_escape, string_c1 };
    static constexpr std::size_t max_held = 64;

    void take(char c, std::string& out);
    void take_text(char c, std::string& out);
    void take_escape(char c);
    void take_csi(char c, std::string& out);
    void add_character(char c, std::string& out);

    State state_ = State::text;
    std::string held_;      // parameters of a CSI sequence
    std::string character_; // bytes of one that is not complete
    bool returned_ = false; // after a carriage return
    bool coloured_ = false;
};

} // namespace agenthost::hub::cli

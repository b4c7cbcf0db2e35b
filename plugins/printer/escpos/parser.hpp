// Reads ESC/POS as it arrives, in pieces of any size, and tells a sink about text and commands.
//
// Bounds: the parser allocates nothing and keeps at most 16 bytes of a command; its data (a raster may have 4
// GB) is passed on in the pieces in which it arrives. Time is linear in the bytes, missing() is constant (at
// most some 2,000 steps). Threads: none of its own; one caller at a time. Errors: none, any bytes are a
// stream; what is unknown is counted and skipped.
//
// Where the bytes are cut changes nothing, except that text and data arrive in other pieces.
#pragma once

#include "plugins/printer/escpos/command.hpp"
#include "plugins/printer/escpos/table.hpp"

#include <optional>

namespace agenthost::printer::escpos {

class Sink {
public:
    virtual ~Sink() = default;
    // Bytes from 0x20 on, not empty. A character of several bytes may be cut.
    virtual void text(Bytes) = 0;
    // A command whose arguments are complete. data() follows as often as bytes of it arrive, then end().
    virtual void begin(const Command&) = 0;
    // Never empty. The NUL that ends a barcode or tabs is not part of it.
    virtual void data(Bytes) = 0;
    virtual void end(const Command&) = 0;
};

class Parser {
public:
    // Without a sink the parser only keeps count. The sink must outlive it.
    explicit Parser(Sink* sink = nullptr) : sink_{sink} {}

    void feed(Bytes);

    // The command that the last byte was inside of; nullopt between commands and in text. Of one whose name
    // or arguments are not complete, `op` and `argument_count` are what has arrived.
    [[nodiscard]] std::optional<Command> open_command() const;
    // How many NULs end the open command, so that the printer takes the next byte as a new command (for a
    // raster: white dots for its missing rows). 0 between commands. A printer in the middle of a two-byte
    // character of Kanji mode would take one byte more: send one NUL before ESC @ there, it prints nothing.
    [[nodiscard]] std::uint64_t missing() const;
    // Bytes fed so far.
    [[nodiscard]] std::uint64_t position() const { return position_; }
    // Unknown commands so far.
    [[nodiscard]] std::uint64_t unknown() const { return unknown_; }

private:
    enum class State : std::uint8_t { neutral, lead, sub, arguments, data, ended_by_content, block };

    Bytes take_text(Bytes);
    void take(std::uint8_t byte);
    void start(std::uint8_t byte);
    void take_code(std::uint8_t byte);
    void named();
    void arguments_complete();
    void enter_data(std::uint64_t size);
    Bytes take_data(Bytes);
    // False: the byte is not part of the command and starts something new.
    bool take_content(std::uint8_t byte);
    bool take_tab(std::uint8_t byte);
    bool take_digit(std::uint8_t byte);
    void next_block();
    void take_block_head(std::uint8_t byte);
    void pass(std::uint8_t byte);
    void finish();

    Sink* sink_;
    State state_ = State::neutral;
    Command command_;
    Row row_{};
    std::uint64_t position_ = 0, unknown_ = 0;
    // state data: bytes to come
    std::uint64_t remaining_ = 0;
    // ESC & and FS q: blocks that have not begun; the head of the one that is being read
    std::uint32_t blocks_ = 0;
    std::array<std::uint8_t, 4> head_{};
    std::uint8_t head_size_ = 0;
    // data whose content tells its end: bytes or semicolons so far, and the last byte
    std::uint16_t content_ = 0;
    std::uint8_t last_ = 0;
};

} // namespace agenthost::printer::escpos

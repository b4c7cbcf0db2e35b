// What a parser told its sink, as one line of text: the same for the same stream, however it was cut.
#pragma once

#include "plugins/printer/escpos/parser.hpp"

#include <string>
#include <string_view>

namespace agenthost::printer::escpos::test {

inline Bytes bytes(std::string_view text)
{
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

class Recorder : public Sink {
public:
    void text(Bytes run) override
    {
        if (!in_text_) log_ += "\"";
        in_text_ = true;
        append(run);
    }
    void begin(const Command& c) override
    {
        leave_text();
        log_ += (c.known ? "" : "?") + to_string(c.op);
        for (std::size_t i = 0; i < c.argument_count; ++i) log_ += ' ' + std::to_string(c.arguments[i]);
        log_ += '{';
    }
    void data(Bytes piece) override { append(piece); }
    void end(const Command&) override { log_ += "} "; }

    std::string log()
    {
        leave_text();
        return log_;
    }

private:
    void leave_text()
    {
        if (in_text_) log_ += "\" ";
        in_text_ = false;
    }
    void append(Bytes piece) { log_.append(reinterpret_cast<const char*>(piece.data()), piece.size()); }

    std::string log_;
    bool in_text_ = false;
};

inline std::string parsed(std::string_view stream, std::size_t piece = 1'000'000)
{
    Recorder recorder;
    Parser parser{&recorder};
    for (std::size_t at = 0; at < stream.size(); at += piece) parser.feed(bytes(stream.substr(at, piece)));
    return recorder.log();
}

} // namespace agenthost::printer::escpos::test

#include "renderer.hpp"

#include <algorithm>

namespace agenthost::printer::render {

using escpos::Command;
using escpos::dle;
using escpos::esc;
using escpos::gs;

namespace {

// A job of 4 MiB can have a million commands that draw nothing.
constexpr std::uint64_t command_work = 512;

} // namespace

Renderer::Renderer(Options options)
    : options_{std::move(options)}, paper_{options_}, text_{options_, paper_},
      images_{options_, paper_, text_}, symbols_{paper_, text_}
{
    symbols_.reset();
}

Receipt Renderer::finish()
{
    if (const auto open = parser_.open_command()) {
        if (streaming_) images_.end_stream();
        paper_.warn("the job ends inside " + escpos::to_string(open->op));
    }
    if (paper_.page_mode()) {
        paper_.warn("the job ends in page mode; its page was not printed");
        text_.drop_line();
        paper_.close_page();
    }
    text_.end_line();
    return paper_.take();
}

void Renderer::text(Bytes bytes) { text_.text(bytes); }

void Renderer::begin(const Command& c)
{
    data_.clear();
    streaming_ = images_.begin_stream(c);
}

void Renderer::data(Bytes bytes)
{
    if (streaming_) return images_.stream(bytes);
    const std::size_t space = options_.max_data - data_.size();
    if (bytes.size() > space) {
        if (space > 0) paper_.warn("the data of a command was cut off: it is longer than the renderer keeps");
        bytes = bytes.first(space);
    }
    data_.insert(data_.end(), bytes.begin(), bytes.end());
}

void Renderer::end(const Command& c)
{
    if (streaming_) {
        streaming_ = false;
        return images_.end_stream();
    }
    if (!paper_.charge(command_work)) return;
    if (!c.known) return paper_.warn("unknown command " + escpos::to_string(c.op));
    if (control(c) || text_.run(c, data_) || images_.run(c, data_) || symbols_.run(c, data_) || page(c) ||
        machine(c))
        return;
    // What is left configures the machine or asks it something; it prints nothing.
}

bool Renderer::control(const Command& c)
{
    switch (c.op) {
    case esc('@'):
        paper_.close_page();
        text_.reset();
        images_.reset();
        symbols_.reset();
        return true;
    case escpos::control(0x0c):
        text_.end_line();
        if (paper_.page_mode()) {
            paper_.print_page();
            paper_.close_page();
        }
        return true;
    case gs('V'): cut(c.arg(0), c.arg(1)); return true;
    case esc('i'):
    case esc('m'):
        text_.end_line();
        paper_.cut(true);
        return true;
    default: return false;
    }
}

// GS V: 0 and 1 cut, 65 and 66 feed first, 97 and 98 cut at that place later, 103 and 104 feed back
// afterwards.
void Renderer::cut(std::uint8_t mode, std::uint8_t rows)
{
    text_.end_line();
    if (mode >= 65) paper_.advance(text_.vertical(rows));
    const bool full = mode == 0 || mode == '0' || mode == 65 || mode == 97 || mode == 103;
    paper_.cut(!full);
}

bool Renderer::page(const Command& c)
{
    switch (c.op) {
    case esc('L'):
        text_.end_line();
        paper_.open_page();
        return true;
    case esc('S'):
        if (!paper_.page_mode()) return true;
        text_.drop_line();
        paper_.close_page();
        return true;
    case esc(0x0c):
        text_.end_line();
        paper_.print_page();
        return true;
    case escpos::control(0x18):
        if (paper_.page_mode()) text_.drop_line();
        paper_.clear_page();
        return true;
    case esc('W'):
        text_.end_line();
        paper_.set_area({text_.horizontal(c.arg16(0)), text_.vertical(c.arg16(2)),
                         text_.horizontal(c.arg16(4)), text_.vertical(c.arg16(6))});
        return true;
    case esc('T'):
        text_.end_line();
        paper_.set_direction(static_cast<Direction>(c.arg(0) & 3));
        return true;
    default: return false;
    }
}

bool Renderer::machine(const Command& c)
{
    const auto pulse = [&](unsigned pin, unsigned on, unsigned off) {
        paper_.note(Note::Kind::drawer, "pin " + std::to_string((pin & 1) != 0 ? 5 : 2) + ", on " +
                                            std::to_string(on) + " ms" +
                                            (off > 0 ? ", off " + std::to_string(off) + " ms" : ""));
    };
    const auto beep = [&](unsigned times) {
        paper_.note(Note::Kind::beep, times == 1 ? "once" : std::to_string(times) + " times");
    };
    switch (c.op) {
    case esc('p'): pulse(c.arg(0), c.arg(1) * 2U, c.arg(2) * 2U); return true;
    case dle(0x14, 1): pulse(c.arg(0), c.arg(1) * 100U, 0); return true;
    case escpos::control(0x07): beep(1); return true;
    case esc('B'):
    case esc('C'): beep(c.arg(0)); return true;
    case dle(0x14, 3): beep(c.arg(1)); return true;
    // fn 97 n c: pattern, times
    case esc('(', 'A'):
        if (data_.size() >= 3) beep(data_[2]);
        return true;
    case gs('(', 'A'):
        paper_.note(Note::Kind::other, "the printer prints a test page of its own");
        return true;
    case gs('(', 'E'):
    case gs('(', 'M'): paper_.note(Note::Kind::other, "the printer's settings change"); return true;
    case gs(':'):
    case gs('^'): paper_.warn("a macro was not run: the renderer does not run macros"); return true;
    default: return false;
    }
}

Receipt render(Bytes job, Options options)
{
    Renderer renderer{std::move(options)};
    renderer.feed(job);
    return renderer.finish();
}

} // namespace agenthost::printer::render

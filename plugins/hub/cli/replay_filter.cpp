#include "replay_filter.hpp"

#include <algorithm>
#include <utility>

namespace agenthost::hub::cli {

namespace {

constexpr unsigned char enq = 0x05, bel = 0x07, cancel = 0x18, substitute = 0x1a, esc = 0x1b, c1_lead = 0xc2;

bool starts(std::string_view text, char c) { return !text.empty() && text.front() == c; }
bool ends(std::string_view text, char c) { return !text.empty() && text.back() == c; }
bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

// XTWINOPS that report: of the window's state, position and sizes, of its titles.
bool reports_window(std::string_view params)
{
    const std::string_view first = params.substr(0, params.find(';'));
    return first.size() == 2 && (first[0] == '1' || first == "20" || first == "21") && first != "10" &&
           first != "12" && first != "17";
}

// A field that is "?" or ends in "=?".
bool asks(std::string_view fields)
{
    for (std::size_t at = 0; at <= fields.size();) {
        const std::size_t end = std::min(fields.find(';', at), fields.size());
        if (ends(fields.substr(at, end - at), '?')) return true;
        at = end + 1;
    }
    return false;
}

} // namespace

std::string ReplayFilter::feed(std::string_view bytes)
{
    std::string out;
    out.reserve(bytes.size());
    for (const char c : bytes) take(static_cast<unsigned char>(c), out);
    return out;
}

std::string ReplayFilter::finish()
{
    std::string rest = dropping_ ? std::string{} : std::exchange(held_, {});
    *this = {};
    return rest;
}

void ReplayFilter::begin(unsigned char byte, State state)
{
    held_.assign(1, static_cast<char>(byte));
    body_.clear();
    passing_ = dropping_ = false;
    state_ = state;
}

void ReplayFilter::begin_text(Kind kind)
{
    kind_ = kind;
    state_ = State::text;
}

void ReplayFilter::hold(unsigned char byte)
{
    if (dropping_) return;
    held_ += static_cast<char>(byte);
    if (held_.size() <= max_held) return;
    dropping_ = true;
    held_.clear();
    body_.clear();
}

void ReplayFilter::end(bool keep, std::string& out)
{
    if (keep && !dropping_) out += held_;
    held_.clear();
    body_.clear();
    passing_ = dropping_ = false;
    state_ = State::ground;
}

void ReplayFilter::take(unsigned char byte, std::string& out)
{
    switch (state_) {
    case State::ground:
        if (byte == esc) return begin(byte, State::escape);
        if (byte == c1_lead) return begin(byte, State::c1);
        if (byte != enq) out += static_cast<char>(byte);
        return;
    case State::c1: // U+0080 to U+009F, in UTF-8: the controls as one character
        hold(byte);
        if (byte == 0x9b) return void(state_ = State::csi);
        if (byte == 0x9d) return begin_text(Kind::osc);
        if (byte == 0x90) return begin_text(Kind::dcs);
        if (byte == 0x9f) return begin_text(Kind::apc);
        if (byte >= 0x80) return end(byte != 0x9a, out);
        end(false, out); // not UTF-8
        return take(byte, out);
    case State::escape:
    case State::intermediate: return take_escape(byte, out);
    case State::csi: return take_csi(byte, out);
    case State::text:
    case State::text_escape:
    case State::text_c1: return take_text(byte, out);
    }
}

void ReplayFilter::take_escape(unsigned char byte, std::string& out)
{
    if (byte ==
        esc) { // an incomplete sequence has no effect; kept, it would join with the bytes after the query
        end(false, out);
        return begin(byte, State::escape);
    }
    if (byte < 0x20 && byte != cancel && byte != substitute) { // takes effect at once
        if (byte != enq) out += static_cast<char>(byte);
        return;
    }
    const bool first = state_ == State::escape;
    hold(byte);
    if (byte >= 0x20 && byte <= 0x2f) return void(state_ = State::intermediate);
    if (first && byte == '[') return void(state_ = State::csi);
    if (first && byte == ']') return begin_text(Kind::osc);
    if (first && byte == 'P') return begin_text(Kind::dcs);
    if (first && byte == '_') return begin_text(Kind::apc);
    end(!first || byte != 'Z', out);
}

void ReplayFilter::take_csi(unsigned char byte, std::string& out)
{
    if (byte == esc || byte >= 0x80) {
        end(false, out);
        return take(byte, out);
    }
    if (byte < 0x20 && byte != cancel && byte != substitute) {
        if (byte != enq) out += static_cast<char>(byte);
        return;
    }
    hold(byte);
    if (byte >= 0x40 && byte != 0x7f) return end(!csi_is_query(byte), out);
    if (byte < 0x20) return end(true, out);
    if (!dropping_) body_ += static_cast<char>(byte);
}

bool ReplayFilter::csi_is_query(unsigned char final) const
{
    const std::string_view body = body_;
    switch (final) {
    case 'c': return !starts(body, '?'); // DA1 to DA3; with "?" it is an answer
    case 'n': return !starts(body, '>'); // DSR, CPR
    case 'p': return ends(body, '$');    // DECRQM
    case 'q': return starts(body, '>');  // XTVERSION
    case 'u': return starts(body, '?') || ends(body, '$') || ends(body, '&'); // kitty, DECRQTSR, DECRQUPSS
    case 't': return reports_window(body);
    case 'm': return starts(body, '?');                          // XTQMODKEYS
    case 'x': return body.empty() || body == "0" || body == "1"; // DECREQTPARM
    case 'y': return ends(body, '*');                            // DECRQCRA
    case 'w': return ends(body, '$');                            // DECRQPSR
    case 'v': return ends(body, '"');                            // DECRQDE
    case '|': return ends(body, '\'');                           // DECRQLP
    case 'S': return starts(body, '?');                          // XTSMGRAPHICS
    case 'R': return ends(body, '#');                            // XTREPORTCOLORS
    default: return false;
    }
}

void ReplayFilter::take_text(unsigned char byte, std::string& out)
{
    const auto finished = [&] {
        const bool keep = passing_ || !text_is_query();
        if (passing_) out += std::exchange(held_, {});
        end(keep, out);
    };
    if (state_ == State::text_escape && byte != '\\') { // another sequence interrupts the string
        if (passing_) out += "\x1b\\";
        end(false, out);
        begin(esc, State::escape);
        return take(byte, out);
    }
    hold(byte);
    if (state_ == State::text_escape || (state_ == State::text_c1 && byte == 0x9c) ||
        (byte == bel && kind_ == Kind::osc))
        return finished();
    if (byte == cancel || byte == substitute) return finished();
    if (byte == esc) return void(state_ = State::text_escape);
    state_ = byte == c1_lead ? State::text_c1 : State::text;
    if (passing_) {
        if (state_ == State::text) out += std::exchange(held_, {});
        return;
    }
    if (dropping_) return;
    body_ += static_cast<char>(byte);
    if (kind_ != Kind::dcs || byte < 0x40 || byte > 0x7e) return;
    // The header of a device control string is complete: what it is is known.
    const std::string_view header{body_};
    const bool query = header == "t" || (byte == 'q' && (has(header, "+") || has(header, "$")));
    if (query) {
        dropping_ = true;
        held_.clear();
    } else {
        passing_ = true;
        out += std::exchange(held_, {});
    }
}

bool ReplayFilter::text_is_query() const
{
    if (dropping_) return true;
    const std::string_view body = body_;
    if (kind_ == Kind::apc) return starts(body, 'G');
    if (kind_ == Kind::dcs) return false;
    const std::size_t number = body.find(';');
    if (number == std::string_view::npos) return false;
    if (body.substr(0, number) == "1337")
        return has(body, "Report") || has(body, "Request") || has(body, "Capabilities");
    std::string_view fields = body.substr(number + 1);
    while (!fields.empty() && (fields.back() == '\x07' || fields.back() == '\xc2')) fields.remove_suffix(1);
    return asks(fields);
}

} // namespace agenthost::hub::cli

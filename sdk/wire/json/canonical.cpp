#include "canonical.hpp"

#include "json.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <vector>

namespace agenthost::wire::json {
namespace {

// The decimal exponent of the first digit that is not zero: tells too big from too small. The text is a JSON
// number.
bool too_big(std::string_view text)
{
    long long before = 0;
    bool point = false, found = false;
    std::size_t at = text.front() == '-' ? 1 : 0;
    for (; at < text.size() && text[at] != 'e' && text[at] != 'E'; ++at) {
        if (text[at] == '.') {
            point = true;
        } else {
            found = found || text[at] != '0';
            if (found && !point) ++before;
            if (!found && point) --before;
        }
    }
    long long exponent = 0;
    if (at < text.size()) {
        const char* from = text.data() + at + 1;
        const char* const end = text.data() + text.size();
        if (*from == '+') ++from;
        const bool negative = *from == '-';
        if (std::from_chars(from, end, exponent).ec != std::errc{}) return !negative;
    }
    return exponent > -before;
}

void append_code_point(std::string& out, std::uint32_t c)
{
    const auto byte = [&](std::uint32_t value) {
        out += static_cast<char>(static_cast<unsigned char>(value));
    };
    if (c < 0x80) {
        byte(c);
    } else if (c < 0x800) {
        byte(0xC0 | c >> 6), byte(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        byte(0xE0 | c >> 12), byte(0x80 | (c >> 6 & 0x3F)), byte(0x80 | (c & 0x3F));
    } else {
        byte(0xF0 | c >> 18), byte(0x80 | (c >> 12 & 0x3F)), byte(0x80 | (c >> 6 & 0x3F)),
            byte(0x80 | (c & 0x3F));
    }
}

// An ECMAScript array index: "0" to "4294967294" in canonical form.
bool is_index(std::string_view key, std::uint32_t& index)
{
    if (key.empty() || key.size() > 10 || (key.front() == '0' && key.size() > 1)) return false;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
    return error == std::errc{} && end == key.data() + key.size() && key.front() != '-' &&
           index != std::numeric_limits<std::uint32_t>::max();
}

class Printer {
public:
    Printer(std::string& out, std::string_view text) : out_{out}, at_{text.data()}, end_{at_ + text.size()} {}

    bool print()
    {
        space();
        if (!value(0)) return false;
        space();
        return at_ == end_;
    }

private:
    // A member as written to `out_`: "key":value.
    struct Entry {
        std::size_t begin, key_end, end;
    };

    bool value(std::size_t depth)
    {
        if (at_ == end_) return false;
        switch (*at_) {
        case '{': return depth < max_depth && object(depth);
        case '[': return depth < max_depth && array(depth);
        case '"': return string();
        case 't': return word("true");
        case 'f': return word("false");
        case 'n': return word("null");
        default: return number_token();
        }
    }

    void space()
    {
        while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
    }

    bool take(char c)
    {
        if (at_ == end_ || *at_ != c) return false;
        ++at_;
        return true;
    }

    bool word(std::string_view text)
    {
        if (!std::string_view{at_, static_cast<std::size_t>(end_ - at_)}.starts_with(text)) return false;
        at_ += text.size();
        out_ += text;
        return true;
    }

    bool digits()
    {
        const char* const begin = at_;
        while (at_ != end_ && *at_ >= '0' && *at_ <= '9') ++at_;
        return at_ != begin;
    }

    bool number_token()
    {
        const char* const begin = at_;
        take('-');
        if (!take('0') && !digits()) return false;
        if (take('.') && !digits()) return false;
        if (take('e') || take('E')) {
            if (!take('+')) take('-');
            if (!digits()) return false;
        }
        append_number(out_, number({begin, static_cast<std::size_t>(at_ - begin)}));
        return true;
    }

    bool hex(std::uint32_t& unit)
    {
        if (end_ - at_ < 4) return false;
        const auto [end, error] = std::from_chars(at_, at_ + 4, unit, 16);
        if (error != std::errc{} || end != at_ + 4) return false;
        at_ = end;
        return true;
    }

    // `at_` is behind the backslash.
    bool escape(std::string& plain)
    {
        constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
        if (at_ == end_) return false;
        if (const auto which = letters.find(*at_); which != std::string_view::npos) {
            plain += meanings[which];
            ++at_;
            return true;
        }
        std::uint32_t unit = 0;
        if (!take('u') || !hex(unit)) return false;
        if (unit >= 0xD800 && unit < 0xDC00 && end_ - at_ >= 6 && at_[0] == '\\' && at_[1] == 'u') {
            const char* const back = at_;
            at_ += 2;
            std::uint32_t low = 0;
            if (!hex(low)) return false;
            if (low >= 0xDC00 && low < 0xE000)
                unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
            else
                at_ = back;
        }
        append_code_point(plain, unit >= 0xD800 && unit < 0xE000 ? 0xFFFD : unit);
        return true;
    }

    bool string()
    {
        const char* begin = ++at_;
        const auto special = [](char c) {
            return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
        };
        at_ = std::find_if(at_, end_, special);
        if (take('"')) {
            append(out_, {begin, static_cast<std::size_t>(at_ - 1 - begin)});
            return true;
        }
        std::string plain;
        for (;;) {
            plain.append(begin, at_);
            if (take('"')) break;
            if (!take('\\') || !escape(plain)) return false;
            begin = at_;
            at_ = std::find_if(at_, end_, special);
        }
        append(out_, plain);
        return true;
    }

    bool array(std::size_t depth)
    {
        ++at_;
        out_ += '[';
        space();
        if (take(']')) {
            out_ += ']';
            return true;
        }
        for (;;) {
            space();
            if (!value(depth + 1)) return false;
            space();
            if (take(']')) break;
            if (!take(',')) return false;
            out_ += ',';
        }
        out_ += ']';
        return true;
    }

    bool object(std::size_t depth)
    {
        ++at_;
        out_ += '{';
        const std::size_t begin = out_.size(), first = entries_.size();
        space();
        if (!take('}')) {
            for (;;) {
                space();
                Entry entry{out_.size(), 0, 0};
                if (at_ == end_ || *at_ != '"' || !string()) return false;
                entry.key_end = out_.size();
                space();
                if (!take(':')) return false;
                out_ += ':';
                space();
                if (!value(depth + 1)) return false;
                entry.end = out_.size();
                entries_.push_back(entry);
                space();
                if (take('}')) break;
                if (!take(',')) return false;
                out_ += ',';
            }
        }
        arrange(begin, first);
        entries_.resize(first);
        out_ += '}';
        return true;
    }

    [[nodiscard]] std::string_view key(const Entry& entry) const // with its quotes
    {
        return std::string_view{out_}.substr(entry.begin, entry.key_end - entry.begin);
    }

    // Puts the members of one object into ECMAScript's order; nearly always they are in it.
    void arrange(std::size_t begin, std::size_t first)
    {
        struct Indexed {
            std::uint32_t index;
            Entry entry;
        };
        std::vector<Indexed> indices;
        std::vector<Entry> by_key{entries_.begin() + static_cast<std::ptrdiff_t>(first), entries_.end()};
        if (by_key.size() < 2) return;
        std::stable_sort(by_key.begin(), by_key.end(),
                         [this](const Entry& a, const Entry& b) { return key(a) < key(b); });
        const auto same = [this](const Entry& a, const Entry& b) { return key(a) == key(b); };
        const bool twice = std::adjacent_find(by_key.begin(), by_key.end(), same) != by_key.end();
        std::vector<Entry> named;
        for (std::size_t i = first; i < entries_.size(); ++i) {
            const Entry& entry = entries_[i];
            if (twice) {
                const auto [from, to] =
                    std::equal_range(by_key.begin(), by_key.end(), entry,
                                     [this](const Entry& a, const Entry& b) { return key(a) < key(b); });
                if (from->begin != entry.begin)
                    continue; // written at the first one's position, with the last one's value
                place(*std::prev(to), indices, named);
            } else {
                place(entry, indices, named);
            }
        }
        if (indices.empty() && !twice) return;
        std::sort(indices.begin(), indices.end(),
                  [](const Indexed& a, const Indexed& b) { return a.index < b.index; });
        std::string arranged;
        arranged.reserve(out_.size() - begin);
        const auto put = [&](const Entry& entry) {
            if (!arranged.empty()) arranged += ',';
            arranged.append(out_, entry.begin, entry.end - entry.begin);
        };
        for (const Indexed& each : indices) put(each.entry);
        for (const Entry& each : named) put(each);
        out_.replace(begin, std::string::npos, arranged);
    }

    template <class Indices> void place(const Entry& entry, Indices& indices, std::vector<Entry>& named) const
    {
        std::uint32_t index = 0;
        const std::string_view quoted = key(entry);
        if (is_index(quoted.substr(1, quoted.size() - 2), index))
            indices.push_back({index, entry});
        else
            named.push_back(entry);
    }

    std::string& out_;
    const char* at_;
    const char* const end_;
    std::vector<Entry> entries_; // of the objects that are open
};

} // namespace

double number(std::string_view text)
{
    double value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc::result_out_of_range) return value;
    const double size = too_big(text) ? std::numeric_limits<double>::infinity() : 0;
    return text.front() == '-' ? -size : size;
}

bool append_canonical(std::string& out, std::string_view json)
{
    const std::size_t before = out.size();
    if (Printer{out, json}.print()) return true;
    out.resize(before);
    return false;
}

} // namespace agenthost::wire::json

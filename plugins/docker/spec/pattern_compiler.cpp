#include "pattern_compiler.hpp"

#include "base/ascii.hpp"

namespace agenthost::docker {

namespace {

constexpr std::size_t max_steps = 2000, max_expression = 1024;
constexpr unsigned max_group_depth = 32, max_count = 1000;

using Bytes = std::bitset<256>;

Bytes range(unsigned first, unsigned last)
{
    Bytes bytes;
    for (unsigned c = first; c <= last; ++c) bytes.set(c);
    return bytes;
}

Bytes one(unsigned char c) { return Bytes{}.set(c); }

const Bytes& digits()
{
    static const Bytes bytes = range('0', '9');
    return bytes;
}
const Bytes& letters()
{
    static const Bytes bytes = range('a', 'z') | range('A', 'Z');
    return bytes;
}
const Bytes& blanks()
{
    static const Bytes bytes = range('\t', '\r') | one(' ');
    return bytes;
}

Bytes both_cases(Bytes bytes)
{
    for (unsigned c = 'a'; c <= 'z'; ++c) {
        const bool either = bytes[c] || bytes[c - 32];
        bytes.set(c, either);
        bytes.set(c - 32, either);
    }
    return bytes;
}

// What a backslash and this character stand for, when that is more than one byte.
std::optional<Bytes> escaped_class(char c)
{
    const Bytes word = letters() | digits() | one('_');
    switch (c) {
    case 'd': return digits();
    case 'D': return ~digits();
    case 'w': return word;
    case 'W': return ~word;
    case 's': return blanks();
    case 'S': return ~blanks();
    case 'h': return one(' ') | one('\t');
    default: return std::nullopt;
    }
}

} // namespace

std::optional<Pattern> PatternCompiler::compile(std::string& why)
{
    Code code;
    if (in_.text.size() > max_expression)
        why_ = "it is longer than " + std::to_string(max_expression) + " bytes";
    else
        code = alternatives();
    if (why_.empty() && in_.at < in_.text.size()) why_ = "a ) has no matching (";
    if (!why_.empty()) {
        why = why_;
        return std::nullopt;
    }
    code.push_back({Op::match});
    Pattern pattern;
    pattern.steps_ = std::move(code);
    pattern.classes_ = std::move(classes_);
    return pattern;
}

PatternCompiler::Code PatternCompiler::fail(std::string why)
{
    if (why_.empty()) why_ = std::move(why);
    in_.at = in_.text.size(); // nothing more is read
    return {};
}

void PatternCompiler::append(Code& to, const Code& from)
{
    if (to.size() + from.size() > max_steps) {
        fail("it is too complex: more than " + std::to_string(max_steps) + " steps");
        return;
    }
    const auto base = static_cast<std::uint32_t>(to.size());
    for (Step step : from) {
        if (step.op == Op::split || step.op == Op::jump) step.a += base;
        if (step.op == Op::split) step.b += base;
        to.push_back(step);
    }
}

PatternCompiler::Code PatternCompiler::byte_of(Bytes bytes)
{
    classes_.push_back(ignore_case_ ? both_cases(bytes) : bytes);
    return {{Op::byte, static_cast<std::uint32_t>(classes_.size() - 1)}};
}

PatternCompiler::Code PatternCompiler::alternatives()
{
    Code left = sequence();
    while (in_.take('|')) {
        const Code right = sequence();
        Code both;
        const auto second = static_cast<std::uint32_t>(left.size() + 2);
        both.push_back({Op::split, 1, second});
        append(both, left);
        both.push_back({Op::jump, second + static_cast<std::uint32_t>(right.size())});
        append(both, right);
        left = std::move(both);
    }
    return left;
}

PatternCompiler::Code PatternCompiler::sequence()
{
    Code code;
    while (in_.more() && in_.next() != '|' && in_.next() != ')') append(code, repeated());
    return code;
}

PatternCompiler::Code PatternCompiler::repeated()
{
    Code code = atom();
    while (const auto count = counts()) {
        if (in_.next_is('+')) return fail("a possessive form such as a++ is not supported");
        in_.take('?');
        code = repeat(code, *count);
    }
    return code;
}

std::optional<PatternCompiler::Counts> PatternCompiler::counts()
{
    if (in_.take('*')) return Counts{0, 0, true};
    if (in_.take('+')) return Counts{1, 0, true};
    if (in_.take('?')) return Counts{0, 1, false};
    Counts count{};
    if (in_.next_is('{') && braces(count)) return count;
    return std::nullopt;
}

// "{3}", "{3,}", "{3,5}"; anything else after a brace is plain text.
bool PatternCompiler::braces(Counts& count)
{
    const std::size_t start = in_.at++;
    const auto number = [&](unsigned& value) {
        const std::size_t from = in_.at;
        for (value = 0; in_.more() && in_.next() >= '0' && in_.next() <= '9' && value <= max_count; ++in_.at)
            value = value * 10 + static_cast<unsigned>(in_.next() - '0');
        return in_.at > from;
    };
    const bool good = number(count.least);
    count.most = count.least;
    if (good && in_.take(',')) {
        count.unlimited = in_.next_is('}');
        if (!count.unlimited && !number(count.most)) count.most = 0;
    }
    if (!good || !in_.take('}')) {
        in_.at = start;
        return false;
    }
    if (count.least > max_count || count.most > max_count || (!count.unlimited && count.most < count.least))
        fail("a repetition {n,m} needs n <= m <= " + std::to_string(max_count));
    return why_.empty();
}

PatternCompiler::Code PatternCompiler::repeat(const Code& once, Counts count)
{
    Code code;
    for (unsigned i = 0; i < count.least && why_.empty(); ++i) append(code, once);
    const auto size = static_cast<std::uint32_t>(once.size());
    if (count.unlimited) {
        Code loop{{Op::split, 1, size + 2}};
        append(loop, once);
        loop.push_back({Op::jump, 0});
        append(code, loop);
    }
    for (unsigned i = count.least; !count.unlimited && i < count.most && why_.empty(); ++i) {
        Code optional{{Op::split, 1, size + 1}};
        append(optional, once);
        append(code, optional);
    }
    return code;
}

PatternCompiler::Code PatternCompiler::atom()
{
    if (in_.take('(')) return group();
    if (in_.take('[')) return byte_of(bracket());
    if (in_.take('\\')) return escaped();
    if (in_.take('^')) return {{Op::begin}};
    if (in_.take('$')) return {{Op::end}};
    if (in_.take('.')) return byte_of(~one('\n'));
    if (in_.next() == '*' || in_.next() == '+' || in_.next() == '?')
        return fail("a repetition has nothing to repeat");
    return byte_of(one(static_cast<unsigned char>(in_.text[in_.at++])));
}

PatternCompiler::Code PatternCompiler::group()
{
    if (in_.take('?')) {
        const bool named = in_.take('P') || in_.next_is('<') || in_.next_is('\'');
        if (named && in_.at + 1 < in_.text.size() && in_.next() == '<' && in_.text[in_.at + 1] != '=' &&
            in_.text[in_.at + 1] != '!') {
            const auto end = in_.text.find('>', in_.at);
            if (end == std::string_view::npos) return fail("the name of a group is not closed");
            in_.at = end + 1;
        } else if (named || !in_.take(':')) {
            return fail(
                "only (...), (?:...) and (?<name>...) are supported: no look-around, atomic group or flag");
        }
    }
    if (++depth_ > max_group_depth)
        return fail("its groups are nested more than " + std::to_string(max_group_depth) + " deep");
    Code code = alternatives();
    --depth_;
    if (!in_.take(')')) return fail("a ( is not closed");
    return code;
}

PatternCompiler::Code PatternCompiler::escaped()
{
    if (!in_.more()) return fail("it ends in a backslash");
    switch (in_.next()) {
    case 'b': ++in_.at; return {{Op::boundary}};
    case 'B': ++in_.at; return {{Op::no_boundary}};
    case 'A': ++in_.at; return {{Op::begin}};
    case 'z':
    case 'Z': ++in_.at; return {{Op::end}};
    default: break;
    }
    if (const auto bytes = escaped_class(in_.next())) {
        ++in_.at;
        return byte_of(*bytes);
    }
    const auto byte = escaped_byte();
    return byte ? byte_of(one(*byte)) : Code{};
}

// What follows a backslash and is one byte.
std::optional<unsigned char> PatternCompiler::escaped_byte()
{
    const char c = in_.text[in_.at++];
    switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'f': return '\f';
    case 'e': return 0x1b;
    case 'x': {
        const int high = in_.at + 1 < in_.text.size() ? base::hex_digit(in_.text[in_.at]) : -1;
        const int low = high >= 0 ? base::hex_digit(in_.text[in_.at + 1]) : -1;
        if (low < 0) {
            fail("\\x needs two hexadecimal digits");
            return std::nullopt;
        }
        in_.at += 2;
        return static_cast<unsigned char>(high * 16 + low);
    }
    default: break;
    }
    const bool plain = letters()[static_cast<unsigned char>(c)] || digits()[static_cast<unsigned char>(c)];
    if (plain) {
        fail(std::string{"\\"} + c + " is not supported");
        return std::nullopt;
    }
    return static_cast<unsigned char>(c);
}

// Reads a class after its "[".
Bytes PatternCompiler::bracket()
{
    Bytes bytes;
    const bool negated = in_.take('^');
    bool first = true;
    while (in_.more() && (first || in_.next() != ']')) {
        first = false;
        bracket_item(bytes);
    }
    if (!in_.take(']')) fail("a [ is not closed");
    if (ignore_case_) bytes = both_cases(bytes);
    return negated ? ~bytes : bytes;
}

void PatternCompiler::bracket_item(Bytes& bytes)
{
    if (in_.next_is('[') && posix_class(bytes)) return;
    unsigned char low = static_cast<unsigned char>(in_.text[in_.at++]);
    if (low >= 0x80) {
        fail("a class may only contain ASCII characters");
        return;
    }
    if (low == '\\') {
        if (!in_.more()) return;
        if (in_.next() == 'b') {
            ++in_.at;
            bytes.set('\b');
            return;
        }
        if (const auto set = escaped_class(in_.next())) {
            ++in_.at;
            bytes |= *set;
            return;
        }
        low = escaped_byte().value_or(0);
    }
    const bool is_range = in_.next_is('-') && in_.at + 1 < in_.text.size() && in_.text[in_.at + 1] != ']';
    if (!is_range) {
        bytes.set(low);
        return;
    }
    if (in_.text[in_.at + 1] == '[' || (in_.text[in_.at + 1] == '\\' && in_.at + 2 < in_.text.size() &&
                                        escaped_class(in_.text[in_.at + 2]))) {
        bytes.set(low); // "\w-\d": a range needs two single characters, so this dash is one
        return;
    }
    ++in_.at;
    unsigned char high = static_cast<unsigned char>(in_.text[in_.at++]);
    if (high == '\\' && in_.more()) high = escaped_byte().value_or(0);
    if (high >= 0x80 || high < low) {
        fail("a range in a class runs from a lower to a higher ASCII character");
        return;
    }
    bytes |= range(low, high);
}

bool PatternCompiler::posix_class(Bytes& bytes)
{
    const auto end = in_.text.find(":]", in_.at + 1);
    if (in_.at + 1 >= in_.text.size() || in_.text[in_.at + 1] != ':' || end == std::string_view::npos)
        return false;
    const std::string_view name = in_.text.substr(in_.at + 2, end - in_.at - 2);
    if (name == "alpha")
        bytes |= letters();
    else if (name == "digit")
        bytes |= digits();
    else if (name == "alnum")
        bytes |= letters() | digits();
    else if (name == "lower")
        bytes |= range('a', 'z');
    else if (name == "upper")
        bytes |= range('A', 'Z');
    else if (name == "space")
        bytes |= blanks();
    else if (name == "xdigit")
        bytes |= digits() | range('a', 'f') | range('A', 'F');
    else if (name == "punct")
        bytes |= range('!', '~') & ~letters() & ~digits();
    else
        fail("the class [:" + std::string{name} + ":] is not supported");
    if (why_.empty()) in_.at = end + 2;
    return true;
}

} // namespace agenthost::docker

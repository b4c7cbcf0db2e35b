#include "pattern.hpp"

#include "pattern_compiler.hpp"

#include <algorithm>

namespace agenthost::docker {

namespace {

bool is_word(std::string_view text, std::size_t at)
{
    if (at >= text.size()) return false;
    const char c = text[at];
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Whether a word begins or ends before text[at].
bool is_boundary(std::string_view text, std::size_t at)
{
    return (at > 0 && is_word(text, at - 1)) != is_word(text, at);
}

} // namespace

// The set of steps that wait for the next byte. Each step is in it once.
class Pattern::Threads {
public:
    explicit Threads(std::size_t steps) : seen_(steps) {}

    bool add(std::uint32_t step)
    {
        if (seen_[step]) return false;
        seen_[step] = true;
        visited_.push_back(step);
        return true;
    }
    void clear()
    {
        for (const std::uint32_t step : visited_) seen_[step] = false;
        visited_.clear();
        waiting.clear();
        matched = false;
    }

    std::vector<std::uint32_t> waiting;
    bool matched = false;

private:
    std::vector<bool> seen_;
    std::vector<std::uint32_t> visited_;
};

std::optional<Pattern> Pattern::compile(std::string_view expression, bool ignore_case, std::string& why)
{
    return PatternCompiler{expression, ignore_case}.compile(why);
}

std::optional<Pattern> Pattern::compile_delimited(std::string_view text, std::string& why)
{
    const auto refused = [&](const char* reason) {
        why = reason;
        return std::nullopt;
    };
    const std::string_view openers = "/#~@!%", flags_known = "iuD";
    if (text.size() < 2 || openers.find(text[0]) == std::string_view::npos)
        return refused("an expression needs delimiters, such as /^[a-z]+$/");
    const auto end = text.rfind(text[0]);
    if (end == 0) return refused("the closing delimiter is missing");
    bool ignore_case = false;
    for (const char flag : text.substr(end + 1)) {
        if (flags_known.find(flag) == std::string_view::npos)
            return refused("only the flags i, u and D are supported");
        ignore_case = ignore_case || flag == 'i';
    }
    return compile(text.substr(1, end - 1), ignore_case, why);
}

void Pattern::follow(Threads& threads, std::uint32_t first, std::string_view text, std::size_t at) const
{
    std::vector<std::uint32_t> pending{first};
    while (!pending.empty()) {
        const std::uint32_t index = pending.back();
        pending.pop_back();
        if (!threads.add(index)) continue;
        const Step& step = steps_[index];
        bool passes = false;
        switch (step.op) {
        case Op::byte: threads.waiting.push_back(index); break;
        case Op::match: threads.matched = true; break;
        case Op::jump: pending.push_back(step.a); break;
        case Op::split:
            pending.push_back(step.b);
            pending.push_back(step.a);
            break;
        case Op::begin: passes = at == 0; break;
        case Op::end: passes = at == text.size(); break;
        case Op::boundary: passes = is_boundary(text, at); break;
        case Op::no_boundary: passes = !is_boundary(text, at); break;
        }
        if (passes) pending.push_back(index + 1);
    }
}

bool Pattern::found_in(std::string_view text) const
{
    Threads now{steps_.size()}, next{steps_.size()};
    for (std::size_t at = 0;; ++at) {
        follow(now, 0, text, at);
        if (now.matched) return true;
        if (at == text.size()) return false;
        for (const std::uint32_t index : now.waiting)
            if (classes_[steps_[index].a][static_cast<unsigned char>(text[at])])
                follow(next, index + 1, text, at + 1);
        std::swap(now, next);
        next.clear();
    }
}

} // namespace agenthost::docker
